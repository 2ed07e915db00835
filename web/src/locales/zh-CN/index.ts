interface Words {
  [key: string]: string | Words
}

const files = import.meta.glob<Words>('./*.json', { eager: true, import: 'default' })

const catalogue: Words = Object.fromEntries(
  Object.entries(files).map(([file, words]) => [file.replace(/^\.\/|\.json$/g, ''), words]),
)

export default catalogue
