// Package version says which version of the program this is.
package version

import "runtime/debug"

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

// UserAgent is how this program calls itself in requests.
func UserAgent() string { return "imsrevoke/" + Program() }
