// The inspect page: pictures in, findings out.

import { get, historyViews, inspect, mark, verdictOf } from "./api.js"
import type { HistoryRecord, Inspection, Model, Verdict, Views } from "./api.js"
import { Camera } from "./camera.js"
import { byId, element, messageOf, number, say } from "./dom.js"
import { droppedFiles } from "./files.js"
import { HistoryList } from "./history.js"
import { drawScale } from "./scale.js"
import { again, signIn } from "./session.js"
import { ThresholdPanel } from "./threshold.js"
import { Viewer } from "./viewer.js"

type Shown = Inspection & { mark?: Verdict | null }

const refreshPause = 5000
const keptFiles = 200
const modelSelect = byId<HTMLSelectElement>("model")
const shownSelect = byId<HTMLSelectElement>("shown")
const camera = new Camera(byId<HTMLVideoElement>("video"))
const viewer = new Viewer()
const history = new HistoryList(record => void pick(record))
const threshold = new ThresholdPanel(async () => {
  await loadModels()
  await refresh()
})
let models: Model[] = []
let current: Shown | undefined

const model = (): Model | undefined => models.find(m => m.name === modelSelect.value)

function sayVerdict(text: string, kind: Verdict | "bad" | "" = ""): void {
  byId("verdict").textContent = text
  byId("verdict").className = `verdict ${kind}`
}

async function loadModels(): Promise<void> {
  models = await get<Model[]>("v1/models")
  const chosen = modelSelect.value
  modelSelect.replaceChildren(...models.map(m => new Option(m.name, m.name)))
  if (models.some(m => m.name === chosen)) modelSelect.value = chosen
  chooseModel()
}

function chooseModel(): void {
  const chosen = model()
  if (!chosen) return
  threshold.show(chosen)
  history.show(chosen)
  drawOwnScale()
}

function drawOwnScale(): void {
  const of = current ? models.find(m => m.name === current?.model) : model()
  if (of) drawScale(byId("scale"), of, of.threshold_image, current?.score)
}

function showLegend(of: Model | undefined): void {
  const at = of?.threshold_pixel
  byId("legend").hidden = at === undefined
  if (at === undefined) return
  byId("legendlow").textContent = `threshold ${number(at)}`
  byId("legendmid").textContent = number(2 * at)
  byId("legendhigh").textContent = `≥ ${number(4 * at)}`
}

function showMark(word: Verdict | null | undefined): void {
  byId("isgood").setAttribute("aria-pressed", String(word === "good"))
  byId("isbad").setAttribute("aria-pressed", String(word === "anomalous"))
}

async function show(finding: Shown, views: Views): Promise<void> {
  current = finding
  byId("found").hidden = false
  sayVerdict(verdictOf(finding), verdictOf(finding))
  const regions = `${finding.regions.length} region${finding.regions.length === 1 ? "" : "s"}`
  const judged = `by ${finding.model} ${finding.fingerprint.slice(0, 8)}`
  byId("detail").textContent = `${finding.path}: score ${number(finding.score)}, p = ${finding.p_value.toFixed(3)}, ${regions}, ${judged}`
  byId("asks").hidden = finding.id === undefined
  byId("asked").textContent = ""
  showMark(finding.mark)
  showLegend(models.find(m => m.name === finding.model))
  drawOwnScale()
  history.setCurrent(finding.id)
  await viewer.show(views, shownSelect.value as keyof Views, finding.width, finding.height, finding.regions)
}

/** A line in the list of this visit's pictures. */
function listed(file: File, text: string, kind: string, open?: () => void): HTMLElement {
  const name = element("span", { className: "name" }, file.name)
  const button = element("button", { type: "button", disabled: !open }, name, element("span", { className: kind }, text))
  if (open) button.addEventListener("click", open)
  return element("li", {}, button)
}

async function inspectAll(files: File[]): Promise<void> {
  const list = byId("files")
  // A camera goes on and on.
  while (list.childElementCount > keptFiles) list.lastElementChild?.remove()
  list.hidden = files.length < 2 && list.childElementCount === 0
  for (const file of files) {
    sayVerdict("inspecting …")
    byId("detail").textContent = ""
    try {
      const answer = await again(() => inspect(file, modelSelect.value))
      const views = { ...answer.views, picture: URL.createObjectURL(file) }
      list.prepend(listed(file, verdictOf(answer), verdictOf(answer), () => void show(answer, views)))
      await show(answer, views)
    } catch (e) {
      byId("found").hidden = true
      sayVerdict(messageOf(e), "bad")
      list.prepend(listed(file, messageOf(e), "bad"))
    }
  }
  list.hidden = list.childElementCount < 2
  await refresh()
}

async function pick(record: HistoryRecord): Promise<void> {
  await show(record, historyViews(record.id))
}

async function setMark(word: Verdict): Promise<void> {
  if (current?.id === undefined) return
  const asked = current.mark === word ? null : word
  try {
    await again(() => mark(current!.id!, asked))
    current.mark = asked
    showMark(asked)
    say(byId("asked"), asked ? "noted; fae calibrate uses it" : "taken back")
    await history.load()
  } catch (e) {
    say(byId("asked"), messageOf(e), true)
  }
}

async function refresh(): Promise<void> {
  await Promise.all([history.load(), threshold.loadNumbers()])
  threshold.count(history.latest())
}

async function switchCamera(): Promise<void> {
  const button = byId("camera")
  const show = (isOn: boolean) => button.setAttribute("aria-pressed", String(isOn))
  say(byId("camerasaid"), "")
  if (camera.isOn) {
    camera.stop()
    return show(false)
  }
  show(true)
  try {
    await camera.start(file => inspectAll([file]))
  } catch (e) {
    camera.stop()
    say(byId("camerasaid"), messageOf(e), true)
  }
  show(camera.isOn)
}

function connect(): void {
  byId("camera").addEventListener("click", () => void switchCamera())
  const drop = byId("drop")
  const file = byId<HTMLInputElement>("file")
  file.addEventListener("change", async () => {
    await inspectAll([...(file.files ?? [])])
    file.value = ""
  })
  for (const name of ["dragenter", "dragover"] as const)
    drop.addEventListener(name, event => {
      event.preventDefault()
      drop.classList.add("over")
    })
  for (const name of ["dragleave", "drop"] as const)
    drop.addEventListener(name, event => {
      event.preventDefault()
      drop.classList.remove("over")
    })
  drop.addEventListener("drop", event => {
    droppedFiles(event.dataTransfer).then(inspectAll).catch(e => sayVerdict(messageOf(e), "bad"))
  })
  const opacity = byId<HTMLInputElement>("opacity")
  const setOpacity = () => viewer.setOpacity(Number(opacity.value) / 100)
  opacity.addEventListener("input", setOpacity)
  setOpacity()
  shownSelect.addEventListener("change", () => viewer.setBase(shownSelect.value as keyof Views))
  const marks = byId<HTMLSelectElement>("marks")
  marks.addEventListener("change", () => viewer.showMarks(marks.value !== ""))
  byId("isgood").addEventListener("click", () => void setMark("good"))
  byId("isbad").addEventListener("click", () => void setMark("anomalous"))
  modelSelect.addEventListener("change", () => {
    chooseModel()
    void refresh()
  })
}

async function start(): Promise<void> {
  connect()
  await signIn()
  await loadModels()
  await refresh()
  setInterval(() => {
    if (!document.hidden) void refresh().catch(() => undefined)
  }, refreshPause)
}

start().catch(e => sayVerdict(messageOf(e), "bad"))
