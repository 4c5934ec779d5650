// The studio's answers.

import { get, post, remove } from "./api.js"

export interface StudioPicture {
  name: string
  kind: Kind
  width: number
  height: number
  has_mask: boolean
  remarks: string[]
}

export type Kind = "good" | "bad"

export interface StudioVersion {
  number: number
  status: "waiting" | "training" | "stopped" | "ready" | "failed"
  budget: string
  seed: number
  who: string
  created: string
  problem?: string
  is_published: boolean
  has_model: boolean
  has_report: boolean
  has_outliers: boolean
  evaluation?: Evaluation
  /** What more good pictures would bring. */
  learning?: string
}

export interface Evaluation {
  image_auroc: number | null
  pixel_auroc: number | null
  threshold_image?: number
  threshold_pixel?: number
  pictures?: { path: string; defect: string; score: number; anomalous: boolean }[]
}

export interface Project {
  name: string
  good: number
  bad: number
  has_ignore: boolean
  published?: number
  previous?: number
  watched_folder?: string
  /** Why it is not watched now. */
  watch_problem?: string
  versions: StudioVersion[]
}

export interface Progress {
  step: number
  steps: number
  left?: string
  curve: { step: number; loss: number; synthetic_auroc?: number }[]
  lines: string[]
}

const at = (project: string) => `v1/projects/${encodeURIComponent(project)}`

export const versionPath = (project: string, version: number): string => `${at(project)}/versions/${version}`

export const picturePath = (project: string, picture: { kind: Kind; name: string }): string =>
  `${at(project)}/pictures/${picture.kind}/${encodeURIComponent(picture.name)}`

export const ignorePath = (project: string): string => at(project) + "/ignore.png"

export const projects = (): Promise<Project[]> => get("v1/projects")
export const project = (name: string): Promise<Project> => get(at(name))
export const create = (name: string): Promise<Project> => post("v1/projects", { name })
export const pictures = (name: string): Promise<StudioPicture[]> => get(at(name) + "/pictures")
export const takeOut = (name: string, picture: StudioPicture): Promise<unknown> => remove(picturePath(name, picture))
export const train = (name: string, budget: string, seed: number): Promise<{ version: number }> =>
  post(at(name) + "/train", { budget, seed })
export const rollBack = (name: string): Promise<Project> => post(at(name) + "/rollback", {})
/** Inspects what comes into a folder of the machine that the studio runs on. */
export const watch = (name: string, folder: string): Promise<Project> => post(at(name) + "/watch", { folder })
export const unwatch = (name: string): Promise<Project> => remove(at(name) + "/watch")
export const act = (name: string, version: number, action: "stop" | "resume" | "publish"): Promise<Project> =>
  post(`${versionPath(name, version)}/${action}`, {})
export const progress = (name: string, version: number): Promise<Progress> => get(versionPath(name, version) + "/progress")
