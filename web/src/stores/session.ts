/** Who is signed in, in which post, in which city and run; and what the post may do. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'
import { identity, onExpired, onOutdated } from '@/api/client'
import * as core from '@/api/core'
import { forgetShapes } from '@/api/spatial'
import { chooseLanguage, language, type Language } from '@/locales'
import { setZone } from '@/ui/times'

export const useSession = defineStore('session', () => {
  const current = shallowRef<core.Session | null>(null)
  /** The server no longer knows the person who is at work here. */
  const expired = ref(false)
  /** Grows when other rights may hold: screens read again. */
  const epoch = ref(0)

  const user = computed(() => current.value?.user ?? null)
  const posts = computed(() => current.value?.posts ?? [])
  const post = computed(() => posts.value.find((held) => held.id === current.value?.post_id) ?? null)
  const city = computed(() => current.value?.city ?? null)
  const run = computed(() => current.value?.run ?? null)
  const runs = computed(() => current.value?.runs ?? [])
  const permissions = computed(() => new Set(current.value?.permissions ?? []))
  const needsPassword = computed(() => user.value?.must_change_password === true)
  const needsPost = computed(() => user.value !== null && post.value === null)

  const can = (permission: string): boolean => permissions.value.has(permission)

  function take(session: core.Session): void {
    const before = current.value
    identity.csrf = session.csrf_token
    identity.post = session.user ? session.post_id : null
    identity.run = session.user ? (session.run?.id ?? null) : null
    if (session.city) setZone(session.city.timezone)
    if (before?.user?.id !== session.user?.id || before?.post_id !== session.post_id || before?.run?.id !== session.run?.id) {
      forgetShapes()
      epoch.value += 1
    }
    current.value = session
    if (session.user) expired.value = false
  }

  async function load(): Promise<void> {
    const found = await core.session()
    if (user.value && !found.user) {
      // Whoever works here was signed out elsewhere: they sign in over the screen, and nothing typed is lost.
      identity.csrf = found.csrf_token
      expired.value = true
      return
    }
    take(found)
  }

  async function login(username: string, password: string): Promise<void> {
    if (!identity.csrf) await load()
    take(await core.login(username, password))
    const own = current.value?.user?.language
    if (own && !localStorage.getItem('scoc.language')) await setLanguage(own.startsWith('en') ? 'en' : 'zh-CN', false)
  }

  /** Change one's own password; what was closed until then is open at once. */
  async function changePassword(old: string, password: string): Promise<void> {
    await core.changePassword(old, password)
    await load()
  }

  async function choosePost(id: number): Promise<void> {
    take(await core.choosePost(id))
  }

  /** Take part in a drill or replay, or go back to real life; gives way to what the server says then. */
  async function joinRun(id: number): Promise<void> {
    await core.joinRun(id)
    await load()
  }

  async function logout(): Promise<void> {
    await core.logout()
    // Drafts hold words about persons: they end with the session that wrote them.
    for (const key of Object.keys(sessionStorage)) if (key.startsWith('scoc.draft.')) sessionStorage.removeItem(key)
    take(await core.session())
  }

  async function setLanguage(wanted: Language, keep = true): Promise<void> {
    await chooseLanguage(wanted)
    identity.language = wanted === 'en' ? 'en' : 'zh'
    if (keep) localStorage.setItem('scoc.language', wanted)
  }

  onOutdated(() => void load())
  onExpired(() => {
    if (user.value) expired.value = true
  })

  return {
    current,
    expired,
    epoch,
    user,
    posts,
    post,
    city,
    run,
    runs,
    permissions,
    needsPassword,
    needsPost,
    language,
    can,
    load,
    login,
    changePassword,
    choosePost,
    joinRun,
    logout,
    setLanguage,
  }
})
