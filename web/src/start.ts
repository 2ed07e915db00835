/** What both entries do: styles, fonts, stores, language, then the app. */
import './ui/fonts'
import './ui/tokens.css'
import './ui/base.css'
import { createPinia } from 'pinia'
import { createApp, type Component } from 'vue'
import type { Router } from 'vue-router'
import { firstLanguage, i18n } from './locales'
import { useSession } from './stores/session'

export async function start(root: Component, router?: Router): Promise<void> {
  const app = createApp(root)
  app.use(createPinia())
  app.use(i18n)
  if (router) app.use(router)
  await useSession().setLanguage(firstLanguage(), false)
  app.mount('#app')
}
