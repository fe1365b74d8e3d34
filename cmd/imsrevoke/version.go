package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker for a release.
var version = ""

// programVersion is the version of this program: that of the release, or what
// the toolchain knows about the build.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// programCommit says of which commit this program was built, and of which day,
// such as "commit 0123456789ab of 2026-11-25, ". It is empty where the toolchain
// does not know.
func programCommit() string {
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
	return fmt.Sprintf("commit %.12s of %.10s%s, ", revision, day, changed)
}

func userAgent() string { return "imsrevoke/" + programVersion() }

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  imsrevoke version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(c.stdout, "imsrevoke %s (%s%s, %s/%s)\n", programVersion(), programCommit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
