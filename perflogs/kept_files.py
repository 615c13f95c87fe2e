"""What the suite itself keeps beside a history: none of these holds a run."""

#: What is known of findings, and for which nodes the site's command was run: a JSON object with
#: `version` (1) and `acted`, a list of objects with `system`, `node` and `kind`.
ACKNOWLEDGED, NODE_ACTIONS = "acknowledged.json", "node-actions.json"
