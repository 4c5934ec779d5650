// What an operator must know besides verdicts: nothing comes, the model changed, scores drift, the connection is lost.

import type { LiveChange, LiveState } from "./api.js"
import { element, moment } from "./dom.js"

/** Nothing has come for a while: longer than this, in milliseconds, and than ten usual pauses. */
const shortestIdle = 30_000
const usualPauses = 10
/** A change of the model is shown this long. */
const changeStays = 10 * 60_000

export class Notices {
  private readonly texts = new Map<string, string>()
  private last: number | undefined
  private pause = 0
  private changedAt = 0

  constructor(private readonly list: HTMLElement) {
    setInterval(() => this.look(), 1000)
  }

  inspected(): void {
    const now = performance.now()
    // A running mean of the pauses: the line's usual pace.
    if (this.last !== undefined) this.pause = this.pause ? 0.9 * this.pause + 0.1 * (now - this.last) : now - this.last
    this.last = now
    this.set("idle", undefined)
  }

  state(now: LiveState): void {
    const drifting = now.models.filter(model => model.drift_alarm).map(model => model.name)
    this.set(
      "drift",
      drifting.length
        ? `scores of ${drifting.join(", ")} are not as they were in training: has the camera or the light changed?`
        : undefined,
    )
  }

  change({ model, who }: LiveChange): void {
    this.changedAt = performance.now()
    const at = moment(new Date())
    this.set("change", who ? `${at}: ${who} changed the threshold of ${model}` : `${at}: model ${model} was replaced`)
  }

  connected(isConnected: boolean): void {
    this.set("connection", isConnected ? undefined : "the connection to the server is lost; trying again")
  }

  private look(): void {
    const now = performance.now()
    if (this.changedAt && now - this.changedAt > changeStays) this.set("change", undefined)
    if (this.last === undefined) return
    const idle = now - this.last
    if (idle > Math.max(shortestIdle, usualPauses * this.pause)) {
      const minutes = Math.floor(idle / 60_000)
      this.set("idle", minutes ? `no picture for ${minutes} min` : `no picture for ${10 * Math.floor(idle / 10_000)} seconds`)
    }
  }

  private set(name: string, text: string | undefined): void {
    if (this.texts.get(name) === text) return
    if (text) this.texts.set(name, text)
    else this.texts.delete(name)
    this.list.replaceChildren(...[...this.texts].map(([key, words]) => element("li", { id: `notice-${key}` }, words)))
  }
}
