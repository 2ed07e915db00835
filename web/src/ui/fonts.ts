/** The two typefaces, shipped with the front end and cut into ranges that load as their characters appear. */
import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/noto-sans-sc/wght.css'

export const FONT = "'Inter Variable', 'Noto Sans SC Variable', 'Noto Sans CJK SC', sans-serif"

/** Wait until the glyphs of `text` are there, so that what draws them only once (the map) draws them right. */
export async function fontsFor(text: string): Promise<void> {
  await Promise.all([
    document.fonts.load("400 14px 'Noto Sans SC Variable'", text),
    document.fonts.load("400 14px 'Inter Variable'", text),
  ])
}
