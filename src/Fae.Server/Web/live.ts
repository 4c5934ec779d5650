// The operator's view: what the line inspects, as it happens.

import { mark, verdictOf } from "./api.js"
import type { LiveChange, LiveInspection, LiveState, Verdict } from "./api.js"
import { byId, drawn, element, messageOf, moment, number, percent, say } from "./dom.js"
import { Feed } from "./feed.js"
import { Notices } from "./notices.js"
import { signIn } from "./session.js"
import { chime } from "./sound.js"

/** An anomalous picture stays this long, in milliseconds, however fast good ones come. */
const anomalousStays = 2000
const keptAnomalous = 12

const base = byId<HTMLImageElement>("base")
const boxes = byId<SVGElement>("boxes")
const notices = new Notices(byId("notices"))
let shown: LiveInspection | undefined
let shownAt = 0
/** At most an anomalous picture and a good one after it. */
let waiting: LiveInspection[] = []
let isLoading = false
let isHeld = false
let isChiming = false

const pictureOf = (one: LiveInspection): string => `v1/live/${one.number}/picture.jpg`

/** A circle with a tick, or a triangle with an exclamation mark: told apart without colour. */
function symbol(verdict: Verdict): SVGElement[] {
  return verdict === "good"
    ? [drawn("circle", { cx: 50, cy: 50, r: 44 }), drawn("path", { d: "M28 52 l15 16 l30 -36" })]
    : [drawn("path", { d: "M50 8 L95 90 H5 Z" }), drawn("path", { d: "M50 36 v28 M50 76 v2" })]
}

function draw(one: LiveInspection): void {
  const verdict = verdictOf(one)
  shown = one
  shownAt = performance.now()
  byId("banner").className = `banner ${verdict}`
  byId("word").textContent = verdict
  byId("symbol").replaceChildren(...symbol(verdict))
  base.hidden = false
  base.alt = `${one.path}: ${verdict}`
  boxes.setAttribute("viewBox", `0 0 ${one.width} ${one.height}`)
  boxes.replaceChildren(
    ...one.regions.map(({ box: [x, y, width, height] }) =>
      drawn("rect", { x, y, width, height, "stroke-width": Math.max(2, one.width / 150) }),
    ),
  )
  byId("detail").textContent =
    `${moment(one.time)} ${one.path}: score ${number(one.score)}, threshold ${number(one.threshold)}, model ${one.model}`
  byId<HTMLButtonElement>("wrong").disabled = one.id === undefined
}

/** Shows the latest picture once it is there; those that came meanwhile are passed over. */
function load(): void {
  const next = waiting[0]
  if (isLoading || isHeld || !next) return
  const wait = shown?.anomalous && !next.anomalous ? shownAt + anomalousStays - performance.now() : 0
  isLoading = true
  setTimeout(() => {
    // Another may have come meanwhile.
    const one = isHeld ? undefined : waiting.shift()
    if (!one) {
      isLoading = false
      return
    }
    const done = () => {
      isLoading = false
      load()
    }
    base.onload = () => {
      draw(one)
      done()
    }
    // Its pictures may have gone by now; the verdict has not.
    base.onerror = () => {
      draw(one)
      base.hidden = true
      done()
    }
    base.src = pictureOf(one)
  }, Math.max(0, wait))
}

/** An anomalous picture that waits is not passed over for a good one: that is shown after it. */
function offer(one: LiveInspection): void {
  waiting = one.anomalous ? [one] : [...waiting.filter(earlier => earlier.anomalous), one]
  load()
}

function remember(one: LiveInspection): void {
  const list = byId("last")
  const picture = element("img", { src: pictureOf(one), alt: one.path, loading: "lazy" })
  // Another has taken its place at the server.
  picture.onerror = () => picture.remove()
  const button = element("button", { type: "button" }, picture, element("span", {}, moment(one.time)))
  button.addEventListener("click", () => {
    setHeld(true)
    base.onload = () => draw(one)
    base.src = pictureOf(one)
  })
  list.prepend(element("li", {}, button))
  while (list.childElementCount > keptAnomalous) list.lastElementChild?.remove()
  byId("none").hidden = true
}

function inspected(one: LiveInspection): void {
  notices.inspected()
  offer(one)
  if (!one.anomalous) return
  remember(one)
  if (isChiming) chime()
}

function recent(all: LiveInspection[]): void {
  byId("last").replaceChildren()
  byId("none").hidden = false
  all.filter(one => one.anomalous).forEach(remember)
  const latest = all[all.length - 1]
  if (latest) offer(latest)
}

function state(now: LiveState): void {
  byId("inspected").textContent = String(now.inspected)
  byId("anomalous").textContent = String(now.anomalous)
  byId("rate").textContent = now.inspected ? percent(now.anomalous / now.inspected) : "–"
  byId("shift").textContent = `this shift, since ${moment(now.since)}`
  notices.state(now)
}

function setHeld(held: boolean): void {
  isHeld = held
  byId("hold").setAttribute("aria-pressed", String(held))
  if (!held) load()
}

function setChiming(on: boolean): void {
  isChiming = on
  byId("chime").setAttribute("aria-pressed", String(on))
  if (on) chime()
}

async function markWrong(): Promise<void> {
  const one = shown
  if (one?.id === undefined) {
    return say(byId("said"), "this server keeps no history, so a mark cannot be kept; start it with --history FILE", true)
  }
  const right: Verdict = one.anomalous ? "good" : "anomalous"
  try {
    await mark(one.id, right)
    say(byId("said"), `noted: ${one.path} is ${right}`)
  } catch (e) {
    say(byId("said"), messageOf(e), true)
  }
}

function fullScreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen()
  else void document.documentElement.requestFullscreen()
}

function connect(): void {
  const actions: Record<string, () => void> = {
    w: () => void markWrong(),
    h: () => setHeld(!isHeld),
    c: () => setChiming(!isChiming),
    f: fullScreen,
  }
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return
    actions[event.key.toLowerCase()]?.()
  })
  byId("wrong").addEventListener("click", actions.w!)
  byId("hold").addEventListener("click", actions.h!)
  byId("chime").addEventListener("click", actions.c!)
  byId("full").addEventListener("click", actions.f!)
}

async function start(): Promise<void> {
  connect()
  await signIn()
  new Feed({
    inspection: inspected,
    recent,
    state,
    change: (change: LiveChange) => notices.change(change),
    connected: isConnected => notices.connected(isConnected),
    refused: signIn,
  }).open()
}

start().catch(e => say(byId("word"), messageOf(e), true))
