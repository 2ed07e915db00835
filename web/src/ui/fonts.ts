/** The two typefaces, shipped with the front end and cut into ranges that load as their characters appear. */
import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/noto-sans-sc/wght.css'

export const FONT = "'Inter Variable', 'Noto Sans SC Variable', 'Noto Sans CJK SC', sans-serif"

/** Wait until the glyphs of `text` are there, so that whatever draws once (a map, a chart) draws them right. */
export async function fontsFor(text: string): Promise<void> {
  await Promise.all(
    ['400', '500', '600'].flatMap((weight) => [
      document.fonts.load(`${weight} 14px 'Noto Sans SC Variable'`, text),
      document.fonts.load(`${weight} 14px 'Inter Variable'`, text),
    ]),
  )
}
