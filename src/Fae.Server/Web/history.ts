// The list of kept inspections, its filters and its export.

import { get, verdictOf } from "./api.js"
import type { AuditEntry, HistoryPage, HistoryRecord, Model } from "./api.js"
import { byId, element, moment, percent, number } from "./dom.js"
import { again, isEngineer } from "./session.js"

const pageSize = 100
const nextDay = 24 * 3600 * 1000

/** A day of the calendar as the instant when it begins here. */
function startOf(day: string, shift = 0): string {
  const [year, month, date] = day.split("-").map(Number)
  return new Date(new Date(year!, month! - 1, date!).getTime() + shift).toISOString()
}

export class HistoryList {
  private records: HistoryRecord[] = []
  private model: Model | undefined
  private current: number | undefined
  private pages = 1

  constructor(private readonly open: (record: HistoryRecord) => void) {
    const filters = byId<HTMLFormElement>("filters")
    filters.addEventListener("submit", event => event.preventDefault())
    filters.addEventListener("input", () => {
      this.pages = 1
      void this.load()
    })
    byId("older").addEventListener("click", () => {
      this.pages += 1
      void this.load()
    })
    byId("audit").addEventListener("toggle", () => void this.loadChanges())
  }

  show(model: Model): void {
    this.model = model
    this.pages = 1
  }

  /** The inspection that is shown elsewhere on the page. */
  setCurrent(id: number | undefined): void {
    this.current = id
    this.draw()
  }

  /** Scores of the current model, the newest first. */
  latest(): number[] {
    return this.records.filter(record => record.fingerprint === this.model?.fingerprint).map(record => record.score)
  }

  private query(): URLSearchParams {
    const value = (id: string) => byId<HTMLInputElement>(id).value
    const query = new URLSearchParams()
    const add = (name: string, text: string | undefined) => text && query.set(name, text)
    add("model", this.model?.name)
    add("since", value("since") && startOf(value("since")))
    add("until", value("until") && startOf(value("until"), nextDay))
    add("name", value("name"))
    add("anomalous", value("anomalous"))
    add("mark", value("marked"))
    return query
  }

  async load(): Promise<void> {
    const query = this.query()
    byId<HTMLAnchorElement>("export").href = `v1/history.csv?${query}`
    query.set("limit", String(Math.min(500, pageSize * this.pages)))
    try {
      const page = await again(() => get<HistoryPage>(`v1/history?${query}`))
      this.records = page.inspections
      byId("kept").hidden = false
      byId("nohistory").hidden = true
      byId("audit").hidden = !isEngineer()
      byId("matching").textContent = `${page.matching} of ${page.count} inspections`
      byId("older").hidden = page.matching <= this.records.length || this.records.length >= 500
    } catch (e) {
      this.records = []
      byId("kept").hidden = true
      byId("nohistory").hidden = !(e instanceof Error && e.message.includes("keeps no history"))
    }
    this.draw()
  }

  private draw(): void {
    byId("history").replaceChildren(
      ...this.records.map(record => {
        const verdict = verdictOf(record)
        const text = verdict + (record.mark ? `, marked ${record.mark}` : "")
        const button = element(
          "button",
          { type: "button" },
          element("span", { className: "name" }, `${moment(record.time)} ${record.path}`),
          element("span", { className: verdict }, text),
        )
        button.setAttribute("aria-current", String(record.id === this.current))
        button.addEventListener("click", () => this.open(record))
        return element("li", {}, button)
      }),
    )
  }

  private async loadChanges(): Promise<void> {
    if (!byId<HTMLDetailsElement>("audit").open) return
    const entries = await again(() => get<AuditEntry[]>("v1/audit"))
    byId("changes").replaceChildren(
      ...entries.map(entry => element("li", {}, `${moment(entry.time)} ${entry.who || "a file"}: ${described(entry)}`)),
    )
  }
}

function described({ action, subject, detail }: AuditEntry): string {
  switch (action) {
    case "mark":
      return detail.mark ? `inspection ${subject} is ${detail.mark}` : `the mark of inspection ${subject} taken back`
    case "threshold":
      return (
        `model ${subject}: false-alarm rate ${percent(detail.false_alarm ?? 0)}, threshold ${number(detail.threshold ?? 0)}, ` +
        `before ${percent(detail.before ?? 0)}`
      )
    case "published":
      return `version ${detail.version} of ${subject} published`
    case "training":
      return `training of version ${detail.version} of ${subject}: ${detail.change}`
    case "folder":
      return detail.folder ? `${subject} inspects the folder ${detail.folder}` : `${subject} inspects no folder any more`
    case "replaced":
      return `model ${subject} replaced`
  }
}
