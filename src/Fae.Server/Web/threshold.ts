// The threshold: what another one would change, and setting it.

import { get, post } from "./api.js"
import type { Model, Statistics } from "./api.js"
import { byId, element, messageOf, number, percent, say } from "./dom.js"
import { again, isEngineer } from "./session.js"

export class ThresholdPanel {
  private readonly slider = byId<HTMLInputElement>("threshold")
  private model: Model | undefined
  private isTouched = false
  private latest: number[] = []
  private scores: number[] = []

  /** `applied` is called when a new threshold is in force. */
  constructor(private readonly applied: () => Promise<void>) {
    this.slider.addEventListener("input", () => {
      this.isTouched = true
      this.describe()
    })
    byId("apply").addEventListener("click", () => void this.apply())
  }

  show(model: Model): void {
    if (model.name !== this.model?.name) this.isTouched = false
    this.model = model
    // The slider's places are the rates that the held-out pictures can promise.
    this.slider.max = String(Math.max(0, model.held_out.length - 1))
    if (!this.isTouched) this.slider.value = String(this.place(model.false_alarm))
    this.describe()
  }

  /** The scores that a new threshold is tried on; those of the statistics where there are none. */
  count(scores: number[]): void {
    this.scores = scores
    this.describe()
  }

  async loadNumbers(): Promise<void> {
    const all = await again(() => get<Statistics[]>("v1/statistics"))
    const own = all.find(s => s.name === this.model?.name)
    if (!own) return
    this.latest = own.latest
    const share = own.inspected ? percent(own.anomalous / own.inspected) : "–"
    const drift =
      own.drift_significance === undefined
        ? "too few to tell"
        : own.drift_alarm
          ? "they differ: has the camera or the light changed?"
          : "no difference"
    const texts = [`${own.inspected} inspected`, `${own.anomalous} anomalous (${share})`, `against the held-out good: ${drift}`]
    byId("numbers").replaceChildren(...texts.map(text => element("span", {}, text)))
    byId("numbers").classList.toggle("bad", own.drift_alarm === true)
  }

  private place(rate: number): number {
    return Math.max(0, Math.floor(rate * ((this.model?.held_out.length ?? 0) + 1) + 1e-9) - 1)
  }

  private chosen(): { rate: number; threshold: number } | undefined {
    const m = this.model
    if (!m || m.held_out.length === 0) return undefined
    const place = Number(this.slider.value)
    const threshold = [...m.held_out].sort((a, b) => b - a)[place] ?? m.threshold_image
    return { rate: (1 + place) / (m.held_out.length + 1), threshold }
  }

  private describe(): void {
    const m = this.model
    const chosen = this.chosen()
    if (!m || !chosen) return
    const scores = this.scores.length ? this.scores : this.latest
    const above = (t: number) => scores.filter(s => s > t).length
    const change = scores.length
      ? `Of the latest ${scores.length} inspections ${above(chosen.threshold)} would be anomalous (now ${above(m.threshold_image)}).`
      : "Nothing was inspected yet."
    byId("change").textContent =
      `With ${percent(chosen.rate)} false alarms the threshold is ${number(chosen.threshold)} (now ${number(m.threshold_image)}). ${change}`
    byId("apply").hidden = !isEngineer() || Number(this.slider.value) === this.place(m.false_alarm)
    this.slider.setAttribute("aria-valuetext", percent(chosen.rate))
  }

  private async apply(): Promise<void> {
    const chosen = this.chosen()
    if (!this.model || !chosen) return
    try {
      const path = `v1/models/${encodeURIComponent(this.model.name)}/threshold`
      // A rate a little above the place's own: rounding must not take the next place.
      await again(() => post(path, { false_alarm: chosen.rate + 1e-12 }))
      say(byId("applied"), "in force; it is noted who set it")
      this.isTouched = false
      await this.applied()
    } catch (e) {
      say(byId("applied"), messageOf(e), true)
    }
  }
}
