// Package version says which version of the program this is.
package version

import (
	"fmt"
	"runtime/debug"
)

// number is set by the linker for a release.
var number = ""

// Program is the version of this program: that of the release, or what
// the toolchain knows about the build.
func Program() string {
	if number != "" {
		return number
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// Commit says of which commit the program was built, and of which day, such as
// "commit 0123456789ab of 2026-11-25". It is empty where the toolchain does not
// know.
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	known := make(map[string]string)
	for _, setting := range info.Settings {
		known[setting.Key] = setting.Value
	}
	revision, day := known["vcs.revision"], known["vcs.time"]
	if revision == "" || day == "" {
		return ""
	}
	changed := map[string]string{"true": " with changes"}[known["vcs.modified"]]
	return fmt.Sprintf("commit %.12s of %.10s%s", revision, day, changed)
}

// UserAgent is how this program calls itself in requests.
func UserAgent() string { return "imsrevoke/" + Program() }
