"""The pay page's style: readable on a phone and in the dark."""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f8fa; --card: #fff; --text: #1a1f36; --soft: #5b6478; --line: #d5dbe3;
  --accent: #4b45c6; --on-accent: #fff; --bad: #b3093c; --good: #0b6b3a; }
@media (prefers-color-scheme: dark) { :root { --ground: #12151c; --card: #1c212b; --text: #eceff4; --soft: #a9b3c4;
  --line: #3a4252; --accent: #a5a1ff; --on-accent: #14122e; --bad: #ff9fb4; --good: #7fdca6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
.banner { background: #ffd24a; color: #1a1f36; padding: .6rem 1rem; text-align: center; font-weight: 600; }
main { max-width: 32rem; margin: 1.5rem auto; padding: 0 1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem;
  margin-bottom: 1rem; }
h1 { font-size: 1.35rem; margin: 0 0 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem 0; text-align: left; font-weight: 400; vertical-align: top; }
td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding-left: 1rem; }
tfoot tr:first-child > * { border-top: 1px solid var(--line); padding-top: .7rem; }
.total > * { font-weight: 700; font-size: 1.1rem; }
.discount { color: var(--good); }
.soft { color: var(--soft); font-size: .9rem; }
label { display: block; font-weight: 600; margin: .8rem 0 .25rem; }
input, select { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--soft); border-radius: .5rem; }
button { min-height: 2.75rem; padding: .5rem 1.25rem; font: inherit; font-weight: 600; cursor: pointer;
  border: 1px solid var(--accent); border-radius: .5rem; background: transparent; color: var(--accent); }
button.pay { width: 100%; margin-top: 1.25rem; background: var(--accent); color: var(--on-accent); }
button.pay.other { background: transparent; color: var(--accent); margin-top: .75rem; }
table + form { margin-top: 1rem; }
.row { display: flex; gap: .5rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] { color: var(--bad); border: 2px solid; border-radius: .75rem; padding: .75rem 1.25rem; font-weight: 600; }
"""
