import vue from 'eslint-plugin-vue'
import tseslint from 'typescript-eslint'
import house from './lint/house.js'

export default tseslint.config(
  { ignores: ['dist/**', 'src/api/schema.d.ts', 'node_modules/**'] },
  ...tseslint.configs.strict,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
  },
  {
    files: ['src/**/*.{ts,vue}'],
    plugins: { house },
    rules: {
      'house/modules-apart': 'error',
      'house/only-api-fetches': 'error',
      'max-lines': ['error', { max: 300 }],
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always', normal: 'always', component: 'always' } }],
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/require-default-prop': 'off',
      'vue/no-v-html': 'error',
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/component-api-style': ['error', ['script-setup']],
      '@typescript-eslint/no-non-null-assertion': 'error',
    },
  },
)
