const infinities = [Infinity, -Infinity];

/** JSON with an infinity as a string, as lines of results have it, so that it is none of the nulls that say: not known. */
export function jsonText(value: unknown, indent?: number): string {
  const asText = (_key: string, each: unknown): unknown =>
    infinities.includes(each as number) ? String(each) : each;
  return JSON.stringify(value, asText, indent);
}

/** What such a text says. */
export function jsonValue(text: string): unknown {
  const asNumber = (_key: string, each: unknown): unknown =>
    infinities.find((infinity) => String(infinity) === each) ?? each;
  return JSON.parse(text, asNumber);
}
