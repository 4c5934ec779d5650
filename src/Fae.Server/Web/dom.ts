// Short forms for the document.

/** The element with this id, of this type. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as unknown as T
}

type Child = Node | string

/** A new element with properties and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/** A new element of a drawing. */
export function drawn(tag: string, attributes: Record<string, string | number>, ...children: Child[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...children)
  return made
}

/** Four significant digits, without a tail of zeros. */
export function number(value: number): string {
  const rounded = Number(value.toPrecision(4))
  return rounded !== 0 && Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded)
}

export const percent = (share: number): string => (100 * share).toFixed(1) + "%"

/** Time of day; with the date if it is not today's. */
export function moment(time: string | Date): string {
  const at = new Date(time)
  const sameDay = at.toDateString() === new Date().toDateString()
  return sameDay ? at.toLocaleTimeString() : at.toLocaleString()
}

/** A text that screen readers are told of. */
export function say(where: HTMLElement, text: string, isBad = false): void {
  where.textContent = text
  where.classList.toggle("bad", isBad)
}

export const messageOf = (problem: unknown): string => (problem instanceof Error ? problem.message : String(problem))
