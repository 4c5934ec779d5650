// The server's answers, and how they are asked for.

export interface Model {
  name: string
  fingerprint: string
  scoring: string
  size: number
  threshold_image: number
  threshold_pixel: number
  false_alarm: number
  /** Scores of the held-out good pictures, ascending. */
  held_out: number[]
}

export interface Region {
  /** x, y, width, height in pixels of the picture. */
  box: [number, number, number, number]
}

export type Verdict = "good" | "anomalous"

export interface Inspection {
  id?: number
  path: string
  model: string
  fingerprint: string
  score: number
  p_value: number
  anomalous: boolean
  width: number
  height: number
  regions: Region[]
}

/** What an inspection's pictures are read from. */
export interface Views {
  picture: string
  reconstruction: string
  heatmap: string
  mask: string
}

export interface HistoryRecord extends Inspection {
  id: number
  time: string
  mark: Verdict | null
}

export interface HistoryPage {
  count: number
  matching: number
  inspections: HistoryRecord[]
}

export interface Statistics {
  name: string
  inspected: number
  anomalous: number
  latest: number[]
  drift_significance?: number
  drift_alarm?: boolean
}

export interface LiveInspection extends Inspection {
  number: number
  time: string
  threshold: number
}

export interface LiveState {
  time: string
  since: string
  inspected: number
  anomalous: number
  models: { name: string; fingerprint: string; threshold: number; drift_alarm: boolean }[]
  waiting: number
}

export interface LiveChange {
  model: string
  fingerprint: string
  who?: string
}

export interface AuditEntry {
  id: number
  time: string
  who: string
  action: "mark" | "threshold" | "replaced" | "published" | "training" | "folder"
  subject: string
  detail: { mark?: Verdict; false_alarm?: number; threshold?: number; before?: number; version?: number; change?: string; folder?: string }
}

export interface SessionInfo {
  needed: boolean
  passwords: boolean
  studio: boolean
  name?: string
  role?: "engineer" | "operator"
  csrf?: string
}

/** A request that the server answered with an error, in words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

let csrf: string | undefined

/** What a session's requests must bring when they change something. */
export function useCsrf(token: string | undefined): void {
  csrf = token
}

async function answerOf<T>(answer: Response): Promise<T> {
  let body: unknown
  try {
    body = await answer.json()
  } catch {
    // A proxy between may answer with a page of its own.
    throw new Refused(answer.status, `not the server but something before it answers (status ${answer.status}); is there a proxy?`)
  }
  if (!answer.ok) throw new Refused(answer.status, (body as { error?: string }).error ?? `status ${answer.status}`)
  return body as T
}

async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(path, { ...options, headers: { ...(csrf ? { "X-Csrf-Token": csrf } : {}), ...options.headers } })
  } catch {
    throw new Refused(0, "the server does not answer")
  }
  return answerOf<T>(answer)
}

export const get = <T>(path: string): Promise<T> => ask<T>(path)

export const post = <T>(path: string, value: unknown): Promise<T> =>
  ask<T>(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) })

export const remove = <T>(path: string): Promise<T> => ask<T>(path, { method: "DELETE" })

/** Sends files as the parts of a form that are pictures. */
export function postForm<T>(path: string, files: File[]): Promise<T> {
  const form = new FormData()
  for (const file of files) form.append("image", file)
  return ask(path, { method: "POST", body: form })
}

/** Inspects a file; the views come as data URLs. */
export const inspect = (file: File, model: string): Promise<Inspection & { views: Views }> =>
  postForm(`v1/inspect?views=1&model=${encodeURIComponent(model)}`, [file])

/** Where the pictures of a kept inspection are. */
export function historyViews(id: number): Views {
  const path = `v1/history/${id}/`
  return {
    picture: path + "picture.jpg",
    reconstruction: path + "reconstruction.jpg",
    heatmap: path + "heatmap.png",
    mask: path + "mask.png",
  }
}

/** Says what a part really is; null takes it back. */
export const mark = (id: number, verdict: Verdict | null): Promise<HistoryRecord> => post(`v1/history/${id}/mark`, { mark: verdict })

export const verdictOf = (inspection: { anomalous: boolean }): Verdict => (inspection.anomalous ? "anomalous" : "good")
