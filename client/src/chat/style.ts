const style = (code: number) => (text: string) => `\x1b[${code}m${text}\x1b[0m`;

export const bold = style(1);
export const dim = style(2);
export const inverse = style(7);
export const green = style(32);
export const red = style(31);
export const cyan = style(36);
export const blue = style(94);
