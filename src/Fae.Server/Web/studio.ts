// The studio: from pictures to a detector that serves.

import { post, postForm } from "./api.js"
import { drawCurve } from "./curve.js"
import { byId, element, messageOf, moment, say } from "./dom.js"
import { droppedFiles } from "./files.js"
import { Painter } from "./painter.js"
import * as studio from "./projects.js"
import type { Kind, Project, StudioPicture } from "./projects.js"
import { signIn } from "./session.js"
import { showVersions } from "./versions.js"
import { connectWatch, showWatched } from "./watch.js"

const pollPause = 2000
/** Files of one request, and their bytes: a server takes 32 megabytes at once. */
const filesTogether = 8
const bytesTogether = 24e6

/** The files in groups that a server takes. */
function grouped(files: File[]): File[][] {
  const groups: File[][] = []
  let bytes = 0
  for (const file of files) {
    const last = groups[groups.length - 1]
    if (last && last.length < filesTogether && bytes + file.size <= bytesTogether) {
      last.push(file)
      bytes += file.size
    } else {
      groups.push([file])
      bytes = file.size
    }
  }
  return groups
}

const painter = new Painter()
let name: string | undefined

/** Does something and shows what goes wrong. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  say(byId("problem"), "")
  try {
    await work()
  } catch (e) {
    say(byId("problem"), messageOf(e), true)
  }
}

async function showHome(): Promise<void> {
  const all = await studio.projects()
  byId("projects").replaceChildren(
    ...all.map(one =>
      element(
        "li",
        {},
        element("a", { href: `#/${one.name}` }, one.name),
        ` ${one.good} good, ${one.bad} bad pictures, ${one.versions.length} versions`,
        one.published ? `, version ${one.published} serves` : "",
      ),
    ),
  )
}

function thumbnail(project: string, picture: StudioPicture): HTMLElement {
  const path = studio.picturePath(project, picture)
  const parts: (Node | string)[] = [
    element("img", { src: `${path}/thumbnail.jpg`, alt: picture.name, loading: "lazy" }),
    element("span", { className: "name" }, picture.name),
    ...picture.remarks.map(remark => element("span", { className: "bad" }, remark)),
  ]
  if (picture.kind === "bad") {
    const paint = element("button", { type: "button" }, picture.has_mask ? "Defect painted" : "Paint the defect")
    const mask = `${path}/mask.png`
    paint.addEventListener("click", () =>
      attempt(() => painter.open(`Defects of ${picture.name}`, path, picture.has_mask ? mask : undefined, mask, () => void reload())),
    )
    parts.push(paint)
  }
  const out = element("button", { type: "button" }, "Take out")
  out.setAttribute("aria-label", `Take out ${picture.name}`)
  out.addEventListener("click", () =>
    attempt(async () => {
      await studio.takeOut(project, picture)
      await reload()
    }),
  )
  return element("li", {}, ...parts, out)
}

async function showPictures(project: Project): Promise<void> {
  const all = await studio.pictures(project.name)
  all.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }))
  for (const kind of ["good", "bad"] as const)
    byId(kind).replaceChildren(...all.filter(picture => picture.kind === kind).map(picture => thumbnail(project.name, picture)))
  byId("ignored").textContent = project.has_ignore ? "a mask is kept" : "nothing is ignored"
  const first = all.find(picture => picture.kind === "good")
  const paint = byId<HTMLButtonElement>("paintignore")
  paint.disabled = !first
  paint.onclick = () =>
    attempt(async () => {
      if (!first) return
      const target = studio.ignorePath(project.name)
      const under = studio.picturePath(project.name, first)
      await painter.open("What to ignore in every picture", under, project.has_ignore ? target : undefined, target, () => void reload())
    })
}

async function showRunning(project: Project): Promise<void> {
  const running = project.versions.find(version => version.status === "training") ?? project.versions.find(v => v.status === "waiting")
  byId("running").hidden = !running
  if (!running) return
  const progress = await studio.progress(project.name, running.number)
  const left = progress.left ? `, ${progress.left} left` : ""
  const said = progress.lines[progress.lines.length - 1] ?? "waiting"
  const doing = progress.step ? `step ${progress.step} of ${progress.steps}${left}` : said
  byId("progress").textContent = `Version ${running.number}: ${doing}`
  byId<HTMLProgressElement>("bar").value = progress.steps ? progress.step / progress.steps : 0
  byId("lines").textContent = progress.lines.join("\n")
  drawCurve(byId("curve"), progress)
  byId("stop").onclick = () => attempt(() => studio.act(project.name, running.number, "stop"))
}

async function showProject(withPictures: boolean): Promise<void> {
  if (!name) return
  const project = await studio.project(name)
  byId("title").textContent = project.name
  showVersions(project, async work => {
    await attempt(work)
    await showProject(false)
  })
  showWatched(project)
  await showRunning(project)
  if (withPictures) await showPictures(project)
}

const reload = (): Promise<void> => attempt(() => showProject(true))

async function add(kind: Kind, files: File[]): Promise<void> {
  const said = byId(kind + "said")
  const refused: string[] = []
  let added = 0
  for (const group of grouped(files)) {
    say(said, `${added + refused.length} of ${files.length} sent …`)
    const answer = await postForm<{ added: string[]; refused: string[] }>(
      `v1/projects/${encodeURIComponent(name ?? "")}/pictures/${kind}`,
      group,
    )
    added += answer.added.length
    refused.push(...answer.refused)
  }
  say(said, [`${added} added`, ...refused].join("; "), refused.length > 0)
  await reload()
}

function connectDrop(kind: Kind): void {
  const input = byId<HTMLInputElement>("add" + kind)
  const drop = document.querySelector<HTMLElement>(`[data-kind=${kind}]`)!
  input.addEventListener("change", () =>
    attempt(async () => {
      await add(kind, [...(input.files ?? [])])
      input.value = ""
    }),
  )
  for (const event of ["dragover", "dragleave", "drop"] as const)
    drop.addEventListener(event, e => {
      e.preventDefault()
      drop.classList.toggle("over", event === "dragover")
    })
  drop.addEventListener("drop", e => attempt(async () => add(kind, await droppedFiles(e.dataTransfer))))
}

async function drawCorruption(): Promise<void> {
  say(byId("drawing"), "drawing …")
  const path = `v1/projects/${encodeURIComponent(name ?? "")}/corruption`
  try {
    await post(path, {})
    byId<HTMLImageElement>("sheet").src = `${path}.png?${Date.now()}`
    byId("corruption").hidden = false
  } finally {
    say(byId("drawing"), "")
  }
}

function connect(): void {
  byId("drawcorruption").addEventListener("click", () => attempt(drawCorruption))
  connectDrop("good")
  connectDrop("bad")
  connectWatch(
    () => name ?? "",
    async work => {
      await attempt(work)
      await showProject(false)
    },
  )
  byId("create").addEventListener("submit", event => {
    event.preventDefault()
    void attempt(async () => {
      const made = await studio.create(byId<HTMLInputElement>("newname").value)
      location.hash = `#/${made.name}`
    })
  })
  byId("train").addEventListener("submit", event => {
    event.preventDefault()
    void attempt(async () => {
      const budget = byId<HTMLSelectElement>("budget").value
      const made = await studio.train(name ?? "", budget, Number(byId<HTMLInputElement>("seed").value))
      say(byId("trainsaid"), `version ${made.version} begins at ${moment(new Date())}`)
      await showProject(false)
    })
  })
  window.addEventListener("hashchange", () => void route())
  setInterval(() => {
    if (name && !document.hidden) void showProject(false).catch(() => undefined)
  }, pollPause)
}

function route(): Promise<void> {
  name = decodeURIComponent(location.hash.replace(/^#\//, "")) || undefined
  byId("home").hidden = name !== undefined
  byId("project").hidden = name === undefined
  byId("corruption").hidden = true
  return attempt(name ? () => showProject(true) : showHome)
}

async function start(): Promise<void> {
  connect()
  await signIn()
  await route()
}

void attempt(start)
