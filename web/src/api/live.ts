/** The live stream as a page sees it: through the browser's shared worker, or its own where there is none. */
import { Stream, type Listener, type LiveMessage, type LiveState } from './stream'

export type { LiveMessage, LiveState, Listener }

export interface Live {
  /** The viewer changed: open anew under the new rights. */
  restart: () => void
  stop: () => void
}

const ADDRESS = '/api/v1/core/live'

function shared(listener: Listener): Live {
  const worker = new SharedWorker(new URL('./live.worker.ts', import.meta.url), { type: 'module', name: 'scoc-live' })
  const { port } = worker
  port.onmessage = ({ data }: MessageEvent<{ message?: LiveMessage; state?: LiveState }>) => {
    if (data.message) listener.message(data.message)
    if (data.state) listener.state(data.state)
  }
  port.start()
  port.postMessage('hello')
  const here = setInterval(() => {
    port.postMessage('here')
  }, 45_000)
  const bye = (): void => {
    port.postMessage('bye')
  }
  const back = (event: PageTransitionEvent): void => {
    if (event.persisted) port.postMessage('hello')
  }
  window.addEventListener('pagehide', bye)
  window.addEventListener('pageshow', back)
  return {
    restart: () => {
      port.postMessage('restart')
    },
    stop: () => {
      clearInterval(here)
      window.removeEventListener('pagehide', bye)
      window.removeEventListener('pageshow', back)
      bye()
      port.close()
    },
  }
}

function own(listener: Listener): Live {
  const stream = new Stream(ADDRESS, listener)
  stream.start()
  return {
    restart: () => {
      stream.start()
    },
    stop: () => {
      stream.stop()
    },
  }
}

/** Open the stream. The listener hears each message and each change of state. */
export function openLive(listener: Listener): Live {
  return typeof SharedWorker === 'undefined' ? own(listener) : shared(listener)
}
