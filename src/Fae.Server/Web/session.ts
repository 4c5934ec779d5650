// Who is signed in: the bar at the top of every page, and the dialog that asks.

import { get, post, remove, Refused, useCsrf, type SessionInfo } from "./api.js"
import { byId, element, messageOf, say } from "./dom.js"

let current: SessionInfo = { needed: false, passwords: false, studio: false }

export const session = (): SessionInfo => current

/** Whether somebody may change thresholds here. */
export const isEngineer = (): boolean => !current.needed || current.role === "engineer"

function take(info: SessionInfo): void {
  current = info
  useCsrf(info.csrf)
}

function field(label: string, type: string, autocomplete: AutoFill): { row: HTMLElement; input: HTMLInputElement } {
  const input = element("input", { type, autocomplete, required: true })
  return { row: element("label", {}, label, input), input }
}

/** Asks until somebody is signed in. */
function askWho(info: SessionInfo): Promise<void> {
  const name = field("Name", "text", "username")
  const secret = field(info.passwords ? "Password" : "Key", "password", "current-password")
  const problem = element("p", { className: "bad" })
  problem.setAttribute("role", "alert")
  const hint = info.passwords
    ? "With an API key instead of a password, leave the name empty."
    : "The key is one of those that the server was started with. It is asked for once a session."
  if (info.passwords) name.input.required = false
  const form = element(
    "form",
    { method: "dialog" },
    element("h2", {}, "Sign in"),
    ...(info.passwords ? [name.row] : []),
    secret.row,
    element("p", { className: "hint" }, hint),
    problem,
    element("button", { type: "submit", className: "main" }, "Sign in"),
  )
  const dialog = element("dialog", { id: "signin" }, form)
  document.body.append(dialog)
  // Escape would leave a page that shows nothing.
  dialog.addEventListener("cancel", event => event.preventDefault())
  dialog.showModal()
  return new Promise(resolve => {
    form.addEventListener("submit", async event => {
      event.preventDefault()
      try {
        const body = name.input.value ? { name: name.input.value, password: secret.input.value } : { key: secret.input.value }
        take(await post<SessionInfo>("v1/session", body))
        dialog.close()
        dialog.remove()
        resolve()
      } catch (e) {
        say(problem, messageOf(e), true)
        secret.input.select()
      }
    })
  })
}

/** The studio's page, where there is one, for those who may use it. */
function showStudio(): void {
  const pages = document.querySelector("nav")
  if (!pages || !current.studio || !isEngineer() || pages.querySelector("[href=studio]")) return
  pages.append(element("a", { href: "studio" }, "Studio"))
}

function showWho(): void {
  showStudio()
  const who = byId("who")
  if (!current.needed) return who.replaceChildren()
  const leave = element("button", { type: "button", id: "signout" }, "Sign out")
  leave.addEventListener("click", async () => {
    await remove("v1/session")
    location.reload()
  })
  who.replaceChildren(element("span", {}, `${current.name} (${current.role})`), leave)
}

let asking: Promise<void> | undefined

/** Signs in where the server asks for it. Keeps trying while the server is away. Several that ask at once see one dialog. */
export function signIn(): Promise<void> {
  asking ??= signInOnce().finally(() => (asking = undefined))
  return asking
}

async function signInOnce(): Promise<void> {
  for (;;) {
    try {
      take(await get<SessionInfo>("v1/session"))
      break
    } catch (e) {
      if (!(e instanceof Refused) || e.status !== 0) throw e
      await new Promise(next => setTimeout(next, 1000))
    }
  }
  if (current.needed && !current.name) await askWho(current)
  showWho()
}

/** After a session has ended: asks again, once. */
export async function again<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    if (!(e instanceof Refused) || e.status !== 401) throw e
    await signIn()
    return work()
  }
}
