// The folder of a project whose new pictures are inspected.

import { byId, say } from "./dom.js"
import { unwatch, watch } from "./projects.js"
import type { Project } from "./projects.js"

type Attempt = (work: () => Promise<unknown>) => Promise<void>

export function connectWatch(name: () => string, attempt: Attempt): void {
  const folder = byId<HTMLInputElement>("folder")
  byId("watch").addEventListener("submit", event => {
    event.preventDefault()
    void attempt(() => watch(name(), folder.value))
  })
  byId("unwatch").addEventListener("click", () => void attempt(() => unwatch(name())))
}

export function showWatched({ watched_folder: folder, watch_problem: problem }: Project): void {
  byId("unwatch").hidden = !folder
  if (!folder) say(byId("watched"), "no folder is watched")
  else if (problem) say(byId("watched"), `${folder} is not watched now: ${problem}`, true)
  else say(byId("watched"), `${folder} is watched`)
}
