// The score on an axis, with the scores of held-out good pictures and the threshold.

import type { Model } from "./api.js"
import { drawn, number } from "./dom.js"

/** In pixels. */
const height = 104
const floor = 74
const tallestBar = 48
const bins = 40

/** Round numbers for the axis: about five. */
function ticks(most: number): number[] {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(candidate => candidate >= rough) ?? rough
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step)
}

/** Draws into an SVG, in pixels: letters keep their size however wide it is. */
export function drawScale(svg: SVGElement, model: Model, threshold: number, score?: number): void {
  const width = Math.max(200, svg.clientWidth)
  const most = 1.1 * Math.max(score ?? 0, threshold, ...model.held_out, 1e-12)
  const at = (value: number) => (width * value) / most
  const counts = new Array<number>(bins).fill(0)
  for (const value of model.held_out) counts[Math.min(bins - 1, Math.floor((bins * value) / most))]! += 1
  const tallest = Math.max(...counts)
  const anchor = (x: number) => (x > 0.8 * width ? "end" : x < 40 ? "start" : "middle")
  const label = (x: number, y: number, text: string, kind: string) =>
    drawn("text", { x: Math.max(4, Math.min(width - 4, x)), y, class: kind, "text-anchor": anchor(x) }, text)
  const bars = counts.map((count, i) =>
    drawn("rect", {
      class: "held",
      x: (width * i) / bins,
      width: width / bins - 1,
      y: floor - (tallestBar * count) / tallest,
      height: (tallestBar * count) / tallest,
    }),
  )
  const axis = ticks(most).flatMap(value => [
    drawn("line", { class: "axis", x1: at(value), x2: at(value), y1: floor, y2: floor + 6 }),
    label(at(value), floor + 22, number(value), "tick"),
  ])
  const limit = [
    drawn("line", { class: "limit", x1: at(threshold), x2: at(threshold), y1: 20, y2: floor }),
    label(at(threshold), 14, `threshold ${number(threshold)}`, "limit"),
  ]
  const own =
    score === undefined
      ? []
      : [drawn("path", { class: score > threshold ? "score over" : "score", d: `M${at(score)} ${floor} l-8 -15 h16 z` })]
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.replaceChildren(drawn("line", { class: "axis", x1: 0, x2: width, y1: floor, y2: floor }), ...bars, ...axis, ...limit, ...own)
}
