/** Relative luminance by WCAG, 0 to 1. */
function luminance([red, green, blue]: number[]): number {
  const linear = (part: number) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(red! / 255) + 0.7152 * linear(green! / 255) + 0.0722 * linear(blue! / 255);
}

/** The site's brand colour, with black or white on it, whichever reads better. */
export function brandColours(brand: unknown): { brand: string; onBrand: string } | null {
  if (typeof brand !== "string" || !/^#[0-9a-f]{6}$/i.test(brand)) return null;
  const parts = [1, 3, 5].map((at) => parseInt(brand.slice(at, at + 2), 16));
  const light = luminance(parts);
  const onBrand = 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
  return { brand, onBrand };
}
