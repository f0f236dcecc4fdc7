/** A line of the file that is downloaded. */
export function written(line) {
  return `${new Date(line.at * 1000).toISOString()} ${line.level.padEnd(8)} ${line.logger}: ${line.text}\n`;
}

/** Hands the parts of a text to the browser as a file of this name. */
export function save(parts, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
