package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/ui"
)

// BenchmarkRun is the whole job, from the file to the report, against the
// cheapest server that there is, in a process of its own. `make profile` shows
// where its time goes.
func BenchmarkRun(b *testing.B) {
	const rows = 100_000
	dir := b.TempDir()
	bench := filepath.Join(dir, "bench")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", bench, "imsrevoke/cmd/bench").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	server := exec.CommandContext(b.Context(), bench, "serve")
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer stdin.Close()
	endpoint, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	pairs := filepath.Join(dir, "pairs.csv")
	var text strings.Builder
	text.WriteString("image_id,member_id\n")
	for i := range rows {
		fmt.Fprintf(&text, "%08x-5b1a-4c57-9a41-%012x,%032x\n", i/10, i/10, i)
	}
	if err := os.WriteFile(pairs, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c := &cli.Program{Console: ui.Console{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: os.Stderr}, Getenv: func(name string) string {
			return map[string]string{"HOME": dir, "OS_TOKEN": "token"}[name]
		}, Environ: func() []string { return nil }}
		if code := c.Run([]string{"run", pairs, "--yes", "--overwrite", "--rate", "unlimited", "--workers", "32", "--endpoint", strings.TrimSpace(endpoint)}); code != 0 {
			b.Fatalf("exit code %d", code)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
