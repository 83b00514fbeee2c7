/** Of the documentation page. */
export const docsStyle = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 7%, transparent); --link: #0b57d0; font: 16px/1.55 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --link: #a8c7fa; } }
body { max-width: 56rem; margin: 0 auto; padding: 1rem 1rem 6rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; } h2 { margin-top: 3rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h2::first-letter, nav h3::first-letter { text-transform: uppercase; }
h3 { margin: 2.2rem 0 .3rem; font-size: 1.05rem; } h4 { margin: 1rem 0 .2rem; font-size: .9rem; }
section { scroll-margin-top: 1rem; } p { margin: .3rem 0; }
a { color: var(--link); text-decoration: none; } a:hover, a:focus { text-decoration: underline; }
code, pre { font: .86rem/1.5 ui-monospace, monospace; } code { background: var(--soft); border-radius: .25rem; padding: .05rem .25rem; }
h3 code, nav code { background: none; padding: 0; }
pre { margin: .2rem 0 .6rem; padding: .7rem .9rem; border-radius: .5rem; background: var(--soft); overflow-x: auto; white-space: pre-wrap; }
pre b { font-weight: 600; } pre i { opacity: .7; } pre i code { background: none; padding: 0; }
.method { display: inline-block; min-width: 3.6rem; font: 600 .8rem ui-monospace, monospace; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; } th { font-weight: 600; }
nav h3 { margin: 1rem 0 .2rem; } nav ul { margin: 0; padding: 0; list-style: none; } nav li { padding: .12rem 0; }
ul.errors { margin: .2rem 0; padding-left: 1.1rem; font-size: .92rem; }
`;
