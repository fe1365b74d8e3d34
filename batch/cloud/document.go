package cloud

import _ "embed" // for the document

// Settings is SETTINGS.md: what becomes of each setting in clouds.yaml and of each
// OS_* variable. A test keeps it and the code the same.
//
//go:embed SETTINGS.md
var Settings string
