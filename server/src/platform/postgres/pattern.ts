/** A pattern of LIKE for texts that contain `text`, in which nothing is a wildcard. */
export function likePattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
