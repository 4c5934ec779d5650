// The versions of a project: how good they are, which one serves, what can be taken along.

import { commonPictures, difference, showComparison } from "./compare.js"
import { byId, element, moment, number, percent } from "./dom.js"
import { act, rollBack, versionPath } from "./projects.js"
import type { Project, StudioVersion } from "./projects.js"

type Attempt = (work: () => Promise<unknown>) => Promise<void>

const share = (value: number | null | undefined): string => (value === null || value === undefined ? "–" : percent(value))

function figures({ evaluation }: StudioVersion): string {
  if (!evaluation) return "not evaluated: there are no bad pictures"
  return `image AUROC ${share(evaluation.image_auroc)}, pixel AUROC ${share(evaluation.pixel_auroc)}`
}

/** Beside the version before, in a sentence. */
function differences(version: StudioVersion, other: StudioVersion | undefined): string {
  const pairs = other ? commonPictures(version, other) : []
  if (!other || !pairs.length) return ""
  const { better, worse } = difference(pairs)
  return `Beside version ${other.number}, on ${pairs.length} pictures: ${better} verdicts better, ${worse} worse.`
}

function button(text: string, work: () => Promise<unknown>, attempt: Attempt): HTMLButtonElement {
  const made = element("button", { type: "button" }, text)
  made.addEventListener("click", () => void attempt(work))
  return made
}

function card(project: Project, version: StudioVersion, attempt: Attempt): HTMLElement {
  const path = versionPath(project.name, version.number)
  const isDone = version.status !== "waiting" && version.status !== "training"
  const other = [...project.versions].reverse().find(one => one.number < version.number && one.evaluation)
  const parts: (Node | string)[] = [
    element("h3", {}, `Version ${version.number}`, version.is_published ? " (serves)" : ""),
    element("p", {}, `${version.status}, ${version.budget}, seed ${version.seed}, by ${version.who}, ${moment(version.created)}`),
  ]
  if (version.problem) parts.push(element("p", { className: "bad" }, version.problem))
  if (version.status === "ready") parts.push(element("p", {}, figures(version)))
  if (version.status === "ready" && version.learning) parts.push(element("p", {}, `Learning curve: ${version.learning}.`))
  const compared = differences(version, other)
  if (compared) parts.push(element("p", {}, compared))
  const row = element("p", { className: "toolbar" })
  if (isDone && version.has_model && !version.is_published)
    row.append(button("Publish", () => act(project.name, version.number, "publish"), attempt))
  if (version.status === "stopped" || version.status === "failed")
    row.append(button("Go on", () => act(project.name, version.number, "resume"), attempt))
  if (version.has_report) row.append(element("a", { href: `${path}/report.html`, target: "_blank" }, "Evaluation"))
  if (version.has_outliers) row.append(element("a", { href: `${path}/outliers.html`, target: "_blank" }, "Unusual good pictures"))
  if (isDone && version.has_model)
    row.append(
      element("a", { href: `${path}/model.safetensors`, download: "" }, "Model"),
      element("a", { href: `${path}/model.onnx`, download: "" }, "ONNX"),
    )
  return element("li", { id: `version-${version.number}` }, ...parts, row)
}

/** A program with this model's numbers. */
function program(project: Project, version: StudioVersion): string {
  const { evaluation } = version
  const lines = [
    "using Fae;  // dotnet add package Fae.Inference",
    "",
    `using var detector = Detector.Load("${project.name}.safetensors");  // version ${version.number}`,
    'Inspection part = detector.Inspect("part.png");',
  ]
  if (evaluation?.threshold_image !== undefined)
    lines.push(`// Verdict.Anomalous above a score of ${number(evaluation.threshold_image)}; ${figures(version)}.`)
  lines.push(
    "if (part.Verdict != Verdict.Good)",
    '    Console.WriteLine($"{part.Verdict}, score {part.Score}, {part.Regions.Count} region(s)");',
  )
  return lines.join("\n")
}

let drawnState = ""

export function showVersions(project: Project, attempt: Attempt): void {
  const state = JSON.stringify(project)
  // A list that is drawn anew under the pointer loses clicks and the focus.
  if (state === drawnState) return
  drawnState = state
  byId("versions").replaceChildren(...[...project.versions].reverse().map(version => card(project, version, attempt)))
  showComparison(project)
  byId("published").textContent = project.published ? `version ${project.published} serves` : "no version serves yet"
  const back = byId<HTMLButtonElement>("rollback")
  back.hidden = project.previous === undefined
  back.textContent = `Roll back to version ${project.previous}`
  back.onclick = () => void attempt(() => rollBack(project.name))
  const serving = project.versions.find(version => version.is_published)
  byId("snippet").hidden = !serving
  if (serving) byId("code").textContent = program(project, serving)
}
