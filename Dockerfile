# The server in a container; see doc/docker.md.
#   docker build -t millrace .
#   docker run --rm -it -p 1935:1935 -p 8080:8080 -p 8088:8088 millrace
# The first stage compiles and is thrown away, the second has what it takes to run.

FROM docker.io/library/debian:bookworm-slim AS build
WORKDIR /src
# By themselves, so that another change of the sources does not install them again.
COPY 3rdparty 3rdparty
RUN 3rdparty/install.sh build
COPY . .
# The player's library comes from npm, unless the tree has it already.
RUN [ -e research/players/node_modules/mpegts.js/dist/mpegts.js ] || { \
        apt-get -q update && \
        apt-get -q -y install --no-install-recommends ca-certificates nodejs npm && \
        npm --prefix research/players ci --ignore-scripts --omit=dev --no-audit --no-fund; }
RUN ./configure --prefix=/usr/local/millrace --objs=/tmp/objs && \
    make OBJS=/tmp/objs -j"$(nproc)" && \
    make OBJS=/tmp/objs install && \
    test -f /usr/local/millrace/objs/nginx/html/players/mpegts.js

FROM docker.io/library/debian:bookworm-slim
# The libraries, and openssl for the certificate that is made at the first start.
RUN apt-get -q update && \
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
        ca-certificates libc-ares2 libhiredis0.14 libhttp-parser2.9 libjansson4 libnghttp2-14 libseccomp2 \
        libssl3 openssl && \
    apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin && \
    useradd --uid 10001 --no-create-home --home-dir /usr/local/millrace --shell /usr/sbin/nologin millrace
COPY --from=build /usr/local/millrace /usr/local/millrace
COPY trunk/auto/entrypoint.sh /usr/local/bin/millrace-entrypoint
COPY trunk/auto/health.sh /usr/local/bin/millrace-health
WORKDIR /usr/local/millrace
# Two folders are written to: conf gets the certificate, objs what a configuration may put there.
# Another user than millrace has the third one.
RUN chown millrace: conf objs && mkdir -m 1777 /var/lib/millrace && ./objs/server -v
USER millrace
# RTMP, HTTP, HTTPS, and the API, which answers only from within the container until that is changed.
EXPOSE 1935 8080 8088 1985
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/local/bin/millrace-health"]
ENTRYPOINT ["/usr/local/bin/millrace-entrypoint"]
CMD ["./objs/server", "-c", "conf/docker.conf"]
