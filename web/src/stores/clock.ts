/** The city's clock: one tick a second for the whole page, set right by the server now and then. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import * as core from '@/api/core'

const RESET_EVERY = 60_000

export const useClock = defineStore('clock', () => {
  const now = ref(Date.now())
  const speed = ref(1)
  let base = { city: Date.now(), at: performance.now() }
  let ticking: ReturnType<typeof setInterval> | null = null
  let setting: ReturnType<typeof setInterval> | null = null

  const read = (): number => base.city + (performance.now() - base.at) * speed.value

  async function set(): Promise<void> {
    const asked = performance.now()
    const answer = await core.clock()
    const got = performance.now()
    speed.value = answer.speed
    // The answer was true somewhere between asking and getting: half way is the best guess.
    base = { city: new Date(answer.city_now).getTime(), at: (asked + got) / 2 }
    now.value = read()
  }

  function start(): void {
    if (ticking) return
    const quietly = (): void => {
      // The last known clock runs on; the lost connection is announced by the live stream.
      set().catch(() => undefined)
    }
    quietly()
    ticking = setInterval(() => {
      now.value = read()
    }, 1000)
    setting = setInterval(quietly, RESET_EVERY)
  }

  function stop(): void {
    if (ticking) clearInterval(ticking)
    if (setting) clearInterval(setting)
    ticking = setting = null
  }

  return { now, speed, set, start, stop }
})
