// The training curve: loss, and the AUROC on synthetic defects where it was measured.

import { drawn, number, percent } from "./dom.js"
import type { Progress } from "./projects.js"

const height = 104
const floor = 80

/** Draws into an SVG, in pixels. The loss is on a logarithmic scale. */
export function drawCurve(svg: SVGElement, { curve, steps }: Progress): void {
  const width = Math.max(200, svg.clientWidth)
  const losses = curve.map(point => Math.log(Math.max(1e-9, point.loss)))
  const low = Math.min(...losses)
  const span = Math.max(1e-6, Math.max(...losses) - low)
  const x = (step: number) => (width * step) / Math.max(1, steps)
  const y = (log: number) => 6 + (floor - 12) * (1 - (log - low) / span)
  const line = curve.map((point, i) => `${x(point.step)},${y(losses[i]!)}`).join(" ")
  const marks = curve.flatMap(point =>
    point.synthetic_auroc === undefined
      ? []
      : [
          drawn("circle", { class: "auroc", cx: x(point.step), cy: 6 + (floor - 12) * (1 - point.synthetic_auroc), r: 4 }),
          drawn(
            "text",
            { class: "limit", x: Math.min(width - 4, x(point.step)), y: height - 4, "text-anchor": "end" },
            `synthetic AUROC ${percent(point.synthetic_auroc)}`,
          ),
        ],
  )
  const last = curve[curve.length - 1]
  const words = last ? [drawn("text", { class: "tick", x: 2, y: height - 4 }, `loss ${number(last.loss)}`)] : []
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.replaceChildren(
    drawn("line", { class: "axis", x1: 0, x2: width, y1: floor, y2: floor }),
    drawn("polyline", { class: "loss", points: line }),
    // The latest words alone: others would lie over each other.
    ...marks.filter((mark, i) => mark.tagName === "circle" || i >= marks.length - 2),
    ...words,
  )
}
