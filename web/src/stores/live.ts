/** The live stream for all screens of this page: its state, and who wants to hear of which facts. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { openLive, type Live, type LiveMessage, type LiveState } from '@/api/live'

type Hear = (message: LiveMessage) => void

export const useLive = defineStore('live', () => {
  const state = ref<LiveState>('connecting')
  /** When the stream was last known to be whole, by this machine's clock. */
  const lostAt = ref<number | null>(null)
  /** Grows when a lost stream came back: what was missed must be read. */
  const healed = ref(0)
  const hearers = new Set<Hear>()
  let stream: Live | null = null

  function start(): void {
    if (stream) return
    stream = openLive({
      message: (message) => {
        for (const hear of [...hearers]) hear(message)
      },
      state: (found) => {
        if (found === 'lost') lostAt.value ??= Date.now()
        if (found === 'open') {
          if (lostAt.value !== null) healed.value += 1
          lostAt.value = null
        }
        state.value = found
      },
    })
  }

  function restart(): void {
    stream?.restart()
  }

  function stop(): void {
    stream?.stop()
    stream = null
  }

  /** Hear messages until the returned function is called. */
  function hear(call: Hear): () => void {
    hearers.add(call)
    return () => {
      hearers.delete(call)
    }
  }

  return { state, lostAt, healed, start, restart, stop, hear }
})
