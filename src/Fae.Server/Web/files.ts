// Files that are dropped, also those inside folders.

/** All entries of a folder: the browser hands them out in parts. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile)
    return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))]
  const files: File[] = []
  for (const inner of await entriesOf(entry as FileSystemDirectoryEntry))
    // Systems keep files of their own in folders; most of them are hidden.
    if (!inner.name.startsWith(".") && inner.name !== "Thumbs.db") files.push(...(await filesOf(inner)))
  return files
}

/** What was dropped, in the order of names as people count: part 2 before part 10. */
export async function droppedFiles(transfer: DataTransfer | null): Promise<File[]> {
  // Items must be asked before the first wait: the transfer is empty afterwards. What a program drops has no entry.
  const files = [...(transfer?.items ?? [])].map(item => {
    const entry = item.webkitGetAsEntry()
    const file = item.getAsFile()
    return entry ? filesOf(entry) : Promise.resolve(file ? [file] : [])
  })
  return (await Promise.all(files)).flat().sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
}
