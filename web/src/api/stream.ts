/** One event stream: opens, tells its state, and comes back by itself. Runs in a shared worker or in the page. */

export interface LiveMessage {
  type: string
  id?: number
  name?: string
  subject?: string
  at?: string
  area?: string | null
  [key: string]: unknown
}

/** `refused` means that nobody is signed in: it waits until it is started again. */
export type LiveState = 'connecting' | 'open' | 'lost' | 'refused'

export interface Listener {
  message: (message: LiveMessage) => void
  state: (state: LiveState) => void
}

const FIRST_WAIT = 1000
const LONGEST_WAIT = 20_000
/** The server writes at least every 15 s; a stream that is silent for longer is dead, whatever the browser thinks. */
const LONGEST_SILENCE = 40_000

/** Cuts a stream of text into the data of its events (HTML standard, server-sent events). */
export class EventCutter {
  private rest = ''

  cut(text: string): string[] {
    this.rest += text
    const blocks = this.rest.split('\n\n')
    this.rest = blocks.pop() ?? ''
    return blocks.flatMap((block) => {
      const lines = block.split('\n').filter((line) => line.startsWith('data:'))
      return lines.length ? [lines.map((line) => line.slice(5).trimStart()).join('\n')] : []
    })
  }
}

/** The stream of one address. After a loss it waits a little longer each time, and at most twenty seconds. */
export class Stream {
  state: LiveState = 'connecting'
  private attempt: AbortController | null = null
  private wait = FIRST_WAIT
  private timer: ReturnType<typeof setTimeout> | null = null
  private readonly listener: Listener
  private readonly address: string

  constructor(address: string, listener: Listener) {
    this.address = address
    this.listener = listener
  }

  start(): void {
    this.stop()
    this.tell('connecting')
    const attempt = new AbortController()
    this.attempt = attempt
    void this.run(attempt)
  }

  stop(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    this.attempt?.abort()
    this.attempt = null
  }

  /** Look at once, e.g. because the network came back. */
  hurry(): void {
    if (this.timer) this.start()
  }

  private async run(attempt: AbortController): Promise<void> {
    let silence: ReturnType<typeof setTimeout> | undefined
    const heard = (): void => {
      clearTimeout(silence)
      silence = setTimeout(() => {
        attempt.abort()
      }, LONGEST_SILENCE)
    }
    try {
      heard()
      const answer = await fetch(this.address, {
        headers: { Accept: 'text/event-stream' },
        credentials: 'same-origin',
        cache: 'no-store',
        signal: attempt.signal,
      })
      if (answer.status === 401 && this.attempt === attempt) {
        this.tell('refused')
        return
      }
      if (!answer.ok || !answer.body) throw new TypeError(String(answer.status))
      this.wait = FIRST_WAIT
      this.tell('open')
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
      const cutter = new EventCutter()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        heard()
        for (const data of cutter.cut(value)) this.listener.message(JSON.parse(data) as LiveMessage)
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error
    } finally {
      clearTimeout(silence)
    }
    if (this.attempt !== attempt) return
    this.tell('lost')
    this.timer = setTimeout(() => {
      this.timer = null
      this.start()
    }, this.wait)
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT)
  }

  private tell(state: LiveState): void {
    // While it tries again the connection is still lost for whoever looks.
    if (state === this.state || (state === 'connecting' && this.state === 'lost')) return
    this.state = state
    this.listener.state(state)
  }
}
