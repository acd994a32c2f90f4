// What a skill does for a person, in the words of the shop; the assistant's own are written for models.

export const SKILL_WORDS = {
  weather: ['Weather', 'The weather now and in the next days, anywhere.'],
  visualize: ['Visualize', 'Charts, diagrams and small dashboards in an answer.'],
  summarize: ['Summarize', 'The gist of pages, videos, recordings and documents.'],
  github: ['GitHub', 'Your issues, pull requests and checks on GitHub.'],
  'gh-issues': ['GitHub issues', 'Works through issues and proposes the fixes.'],
  gog: ['Google', 'Your Gmail, Calendar, Drive and Docs.'],
  notion: ['Notion', 'Your pages and databases in Notion.'],
  trello: ['Trello', 'Your boards, lists and cards in Trello.'],
  himalaya: ['Mail', 'Reads and writes your mail.'],
  obsidian: ['Obsidian', 'Your notes, found and kept in order.'],
  'coding-agent': ['Coding', 'Longer programming work, done in the background.'],
  clawhub: ['More skills', 'Finds further skills.'],
  tmux: ['Terminals', 'Programs that run on while you talk.'],
  'nano-pdf': ['PDF', 'Changes pages of a PDF in plain words.'],
  'openai-whisper-api': ['Transcription', 'Recordings as text.'],
  healthcheck: ['Health check', 'Looks for weak spots of the machine.'],
};
