/** A person without a screen: speaks the live protocol of docs/PROTOCOL.md. */
import WebSocket from 'ws';
import type { Command, Section, ServerMessage, You } from '../../web/src/api/types.ts';
import { eventually } from './wait.ts';

const ANSWER_MS = 10_000;

/** The server closes a socket that was silent for 30 s. */
const PING_EVERY_MS = 10_000;

type SectionName = Section['section'];

export class Live {
  readonly sections = new Map<SectionName, Section>();
  readonly messages: ServerMessage[] = [];
  you: You | undefined;
  end: string | undefined;
  private nextId = 1;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => this.take(JSON.parse(String(data)) as ServerMessage));
    socket.on('error', () => undefined);
    const pings = setInterval(() => this.sendRaw('{"type":"ping"}'), PING_EVERY_MS);
    socket.on('close', () => clearInterval(pings));
  }

  static async connect(url: string, event: string, token: string): Promise<Live> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/live`, { origin: url });
    await new Promise((done, fail) => socket.once('open', done).once('error', fail));
    const live = new Live(socket);
    socket.send(JSON.stringify({ type: 'hello', event, token, resume: null }));
    await eventually('the server says welcome or end', ANSWER_MS, () =>
      live.end !== undefined || live.messages.some(({ type }) => type === 'welcome'));
    return live;
  }

  section<Name extends SectionName>(name: Name): Extract<Section, { section: Name }> {
    const section = this.sections.get(name);
    if (section === undefined) throw new Error(`the server did not send the section ${name}`);
    return section as Extract<Section, { section: Name }>;
  }

  /** Sends a command and returns its answer; `accepted` or `refused`. */
  async ask(command: Command): Promise<ServerMessage> {
    const id = this.nextId++;
    this.socket.send(JSON.stringify({ type: 'command', id, command }));
    let answer: ServerMessage | undefined;
    await eventually(`an answer to ${command.do}`, ANSWER_MS, () => {
      answer = this.messages.find((message) =>
        (message.type === 'accepted' || message.type === 'refused') && message.id === id);
      return answer !== undefined;
    }, 5);
    return answer!;
  }

  /** Sends a command that must be accepted. */
  async act(command: Command): Promise<void> {
    const answer = await this.ask(command);
    if (answer.type !== 'accepted') throw new Error(`${command.do}: ${JSON.stringify(answer)}`);
  }

  /** Sends a text as it is. */
  sendRaw(text: string): void {
    this.socket.send(text);
  }

  async until(what: string, condition: (live: this) => boolean): Promise<void> {
    await eventually(what, ANSWER_MS, () => condition(this), 10);
  }

  close(): void {
    this.socket.close();
  }

  private take(message: ServerMessage): void {
    this.messages.push(message);
    if (message.type === 'welcome') this.you = message.you;
    if (message.type === 'you') this.you = message.you;
    if (message.type === 'end') this.end = message.reason;
    if (message.type === 'welcome' || message.type === 'changed') {
      for (const section of message.sections) this.sections.set(section.section, section);
    }
  }
}
