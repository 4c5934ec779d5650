// Two versions of a project's detector on the pictures that both were evaluated on.

import { byId, element } from "./dom.js"
import { picturePath } from "./projects.js"
import type { Kind, Project, StudioVersion } from "./projects.js"

/** What a version said of a picture; the score is a multiple of its threshold, so that versions can be compared. */
interface Verdict {
  name: string
  kind: Kind
  isAnomalous: boolean
  score: number
}

export interface PicturePair {
  mine: Verdict
  theirs: Verdict
}

function verdicts({ evaluation }: StudioVersion): Map<string, Verdict> {
  const threshold = evaluation?.threshold_image || 1
  const found = (evaluation?.pictures ?? []).map(picture => ({
    name: picture.path.replace(/^.*[\\/]/, ""),
    kind: picture.defect === "good" ? ("good" as const) : ("bad" as const),
    isAnomalous: picture.anomalous,
    score: picture.score / threshold,
  }))
  return new Map(found.map(verdict => [`${verdict.kind}/${verdict.name}`, verdict]))
}

/** The pictures that both versions were evaluated on. */
export function commonPictures(version: StudioVersion, other: StudioVersion): PicturePair[] {
  const others = verdicts(other)
  return [...verdicts(version)].flatMap(([key, mine]) => {
    const theirs = others.get(key)
    return theirs ? [{ mine, theirs }] : []
  })
}

const differs = ({ mine, theirs }: PicturePair): boolean => mine.isAnomalous !== theirs.isAnomalous

const isRight = (verdict: Verdict): boolean => verdict.isAnomalous === (verdict.kind === "bad")

/** How many verdicts of the first version are right where the second's are wrong, and the other way round. */
export function difference(pairs: PicturePair[]): { better: number; worse: number } {
  const changed = pairs.filter(differs)
  const better = changed.filter(pair => isRight(pair.mine)).length
  return { better, worse: changed.length - better }
}

function cell(verdict: Verdict): HTMLElement {
  const word = verdict.isAnomalous ? "anomalous" : "good"
  const said = element("td", {}, `${word}, ${verdict.score.toFixed(2)} × the threshold`)
  said.classList.toggle("bad", !isRight(verdict))
  return said
}

function row(project: string, { mine, theirs }: PicturePair): HTMLElement {
  const shown = element("img", { src: `${picturePath(project, mine)}/thumbnail.jpg`, alt: "", loading: "lazy" })
  const what = element("th", { scope: "row" }, shown, `${mine.name}, ${mine.kind}`)
  return element("tr", {}, what, cell(mine), cell(theirs))
}

function evaluated(project: Project): StudioVersion[] {
  return project.versions.filter(version => version.evaluation?.pictures?.length)
}

function chosen(project: Project, select: string): StudioVersion | undefined {
  return evaluated(project).find(version => version.number === Number(byId<HTMLSelectElement>(select).value))
}

function showPair(project: Project): void {
  const [first, second] = [chosen(project, "first"), chosen(project, "second")]
  if (!first || !second) return
  const pairs = commonPictures(first, second)
  const { better, worse } = difference(pairs)
  byId("compared").textContent =
    `On ${pairs.length} pictures, version ${first.number} is right where version ${second.number} is wrong ${better} times, ` +
    `and wrong where it is right ${worse} times.`
  const onlyDiffering = byId<HTMLInputElement>("differing").checked
  const shown = pairs.filter(pair => !onlyDiffering || differs(pair))
  const heads = ["Picture", `Version ${first.number}`, `Version ${second.number}`]
  const columns = heads.map(head => element("th", { scope: "col" }, head))
  byId("comparedversions").replaceChildren(...(shown.length ? [element("tr", {}, ...columns)] : []))
  byId("comparedpictures").replaceChildren(...shown.map(pair => row(project.name, pair)))
}

/** Fills the comparison; what was chosen stays chosen. */
export function showComparison(project: Project): void {
  const numbers = evaluated(project).map(version => version.number)
  byId("comparison").hidden = numbers.length < 2
  if (numbers.length < 2) return
  for (const [id, back] of [
    ["first", 1],
    ["second", 2],
  ] as const) {
    const select = byId<HTMLSelectElement>(id)
    const before = Number(select.value)
    select.replaceChildren(...numbers.map(value => element("option", { value: String(value) }, String(value))))
    select.value = String(numbers.includes(before) ? before : numbers[numbers.length - back])
    select.onchange = () => showPair(project)
  }
  byId("differing").onchange = () => showPair(project)
  showPair(project)
}
