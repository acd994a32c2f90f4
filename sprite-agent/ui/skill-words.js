// What a skill is called and does for a person, in the words of the shop; the assistant's own are written for models.

export const SKILL_WORDS = {
  weather: ['Weather', 'Tells the weather now and the forecast, anywhere.'],
  summarize: ['Summaries', 'Sums up web pages, articles, videos and PDF files.'],
  visualize: ['Charts', 'Draws charts and small dashboards into the conversation.'],
  'nano-pdf': ['PDF editing', 'Changes PDF files by what you say.'],
  healthcheck: ['Check-up', 'Looks over its own machine and reports what is not safe.'],
  tmux: ['Terminal', 'Runs and watches long programs in its own machine.'],
  github: ['GitHub', 'Works with issues, pull requests and builds.'],
  'gh-issues': ['Issue fixing', 'Takes open issues and proposes fixes.'],
  'coding-agent': ['Coding', 'Hands programming work to a coding agent.'],
  gog: ['Google', 'Reads mail, calendar, Drive and Docs.'],
  himalaya: ['Mailbox', 'Reads and writes mail over IMAP.'],
  notion: ['Notion', 'Reads and writes pages and databases.'],
  trello: ['Trello', 'Keeps boards and cards in order.'],
  obsidian: ['Obsidian', 'Works in a vault of notes.'],
  'openai-whisper-api': ['Transcripts', 'Writes down what is said in a recording.'],
  xurl: ['X', 'Reads and writes posts and messages.'],
};
