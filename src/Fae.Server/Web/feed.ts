// Server-sent events of /v1/live, with a new connection when the old one is lost.

import { get, Refused } from "./api.js"
import type { LiveChange, LiveInspection, LiveState, SessionInfo } from "./api.js"

export interface Listeners {
  inspection(one: LiveInspection): void
  /** What the server still has, the oldest first; at every connection. */
  recent(all: LiveInspection[]): void
  state(now: LiveState): void
  change(change: LiveChange): void
  connected(isConnected: boolean): void
  /** The session has ended. */
  refused(): Promise<void>
}

/** Without a word for so long, in milliseconds, a connection is taken for dead: the server speaks every two seconds. */
const silence = 10_000
const pause = 1000

export class Feed {
  private source: EventSource | undefined
  private heard = 0

  constructor(private readonly listeners: Listeners) {
    setInterval(() => {
      if (this.source && performance.now() - this.heard > silence) void this.reopen()
    }, pause)
  }

  open(): void {
    this.heard = performance.now()
    const source = new EventSource("v1/live")
    this.source = source
    const on = <T>(name: string, handle: (value: T) => void) =>
      source.addEventListener(name, event => {
        this.heard = performance.now()
        handle(JSON.parse((event as MessageEvent<string>).data) as T)
      })
    on<LiveInspection>("inspection", one => this.listeners.inspection(one))
    on<LiveInspection[]>("recent", all => {
      this.listeners.connected(true)
      this.listeners.recent(all)
    })
    on<LiveState>("state", now => this.listeners.state(now))
    on<LiveChange>("change", change => this.listeners.change(change))
    source.onerror = () => {
      this.listeners.connected(false)
      // A browser tries again by itself, unless the answer was an error.
      if (source.readyState === EventSource.CLOSED) void this.reopen()
    }
  }

  private async reopen(): Promise<void> {
    this.source?.close()
    this.source = undefined
    this.listeners.connected(false)
    for (;;) {
      try {
        const info = await get<SessionInfo>("v1/session")
        if (info.needed && !info.name) await this.listeners.refused()
        break
      } catch (e) {
        if (!(e instanceof Refused)) throw e
        await new Promise(next => setTimeout(next, pause))
      }
    }
    this.open()
  }
}
