// A minute's history of one figure, as a filled line on a small canvas.

const POINTS = 120;

export class Chart {
    /** floor: the scale shows at least from 0 to this. */
    constructor(canvas, floor) {
        this.canvas = canvas;
        this.floor = floor;
        this.values = [];
    }

    add(value) {
        this.values.push(value ?? 0);
        if (this.values.length > POINTS) {
            this.values.shift();
        }
        this.draw();
    }

    clear() {
        this.values = [];
        this.draw();
    }

    draw() {
        const { canvas, values } = this;
        const ratio = window.devicePixelRatio || 1;
        const width = Math.round(canvas.clientWidth * ratio);
        const height = Math.round(canvas.clientHeight * ratio);
        if (canvas.width !== width || canvas.height !== height) {
            canvas.width = width;
            canvas.height = height;
        }
        const pen = canvas.getContext('2d');
        pen.clearRect(0, 0, width, height);
        const colour = getComputedStyle(canvas).color;
        pen.fillStyle = colour;
        pen.globalAlpha = 0.2;
        pen.fillRect(0, height - ratio, width, ratio);
        pen.globalAlpha = 1;
        if (values.length < 2) {
            return;
        }
        const top = Math.max(this.floor, ...values) * 1.15;
        const step = width / (POINTS - 1);
        const left = width - step * (values.length - 1);
        const x = (i) => left + i * step;
        const y = (i) => height - ratio - (values[i] / top) * (height - 3 * ratio);
        pen.beginPath();
        values.forEach((_, i) => (i === 0 ? pen.moveTo(x(i), y(i)) : pen.lineTo(x(i), y(i))));
        pen.strokeStyle = colour;
        pen.lineWidth = 1.6 * ratio;
        pen.lineJoin = 'round';
        pen.stroke();
        pen.lineTo(width, height);
        pen.lineTo(left, height);
        pen.closePath();
        pen.globalAlpha = 0.16;
        pen.fillStyle = colour;
        pen.fill();
        pen.globalAlpha = 1;
    }
}
