//go:build !windows

package main

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"imsrevoke/cmd/internal/cli"
	"imsrevoke/cmd/internal/ui"
)

// pictureFile is the picture of the demo that the README begins with.
var pictureFile = filepath.Join(samplesFolder, "demo.svg")

// TestPicture judges that the README's picture of the demo is still one of it,
// and makes it with -update. It compares words: how long things take, and which
// row meets which fault, differs from run to run.
func TestPicture(t *testing.T) {
	t.Parallel()
	const columns = 100
	screen := demoScreen(t, columns)
	if *update {
		if err := os.WriteFile(pictureFile, drawScreen(append([]string{"$ imsrevoke demo"}, screen...), columns), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	picture, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatalf("%v; -update makes it", err)
	}
	if lost := regexp.MustCompile(`>(  |[^<]*  )[^<]*</text>`).FindString(string(picture)); lost != "" {
		t.Errorf("browsers make one blank of several: %s", lost)
	}
	drawn := withoutNumbers(strings.ReplaceAll(html.UnescapeString(string(picture)), unbroken, " "))
	for _, line := range screen {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains([]string{"$", "About", "file", "read", "rows", "endpoint", "project", "as", "report", "report:", "line", "LINE", "The", "nothing"}, first) &&
			!strings.Contains(drawn, withoutNumbers(line)) {
			t.Errorf("the picture %s lacks the line %q: make it again with -update", pictureFile, line)
		}
	}
}

var numbers = regexp.MustCompile(`[0-9.,]+`)

func withoutNumbers(text string) string { return numbers.ReplaceAllString(text, "0") }

var demoFolder = regexp.MustCompile(`/[^ ]*/imsrevoke-demo-[0-9]+/`)

// demoScreen is what a terminal shows when the demo is over, line by line.
func demoScreen(t *testing.T, columns int) []string {
	t.Helper()
	var written bytes.Buffer
	c := &cli.Program{
		Console: ui.Console{
			Stdout:   &written,
			Stderr:   &written,
			Terminal: true,
			Redraws:  true,
			Width:    func() int { return columns },
		},
		Getenv: func(string) string { return "" },
	}
	args := []string{"demo"}
	if !*update { // which shows it as it is watched
		args = append(args, "--fast")
	}
	if code := c.Run(args); code != 0 {
		t.Fatalf("exit code %d: %s", code, &written)
	}
	if err := os.RemoveAll(demoFolder.FindString(written.String())); err != nil {
		t.Error(err)
	}
	var screen []string
	for line := range strings.SplitSeq(strings.TrimSpace(written.String()), "\n") {
		// A carriage return goes back to the start of the line, to draw over it.
		line = line[strings.LastIndexByte(strings.TrimRight(line, "\r "), '\r')+1:]
		screen = append(screen, strings.TrimRight(demoFolder.ReplaceAllString(line, ""), "\r "))
	}
	return screen
}

// unbroken is a blank that no browser makes one of several of.
const unbroken = "\u00a0"

// drawScreen draws lines of text as a terminal shows them. Browsers do not agree
// on which blanks they keep, so that there are none. The border shows the picture
// where the page is as dark as it is.
func drawScreen(lines []string, columns int) []byte {
	const (
		advance, leading, size = 7.8, 18, 13 // of the font, in pixels
		margin                 = 16
	)
	var b bytes.Buffer
	width, height := int(float64(columns)*advance)+2*margin, len(lines)*leading+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-label="imsrevoke demo in a terminal">`+"\n", width, height, width)
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#1d2127" stroke="#57606a"/>`+"\n", width-1, height-1)
	fmt.Fprintf(&b, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%d" fill="#dfe3e8">`+"\n", size)
	for i, line := range lines {
		if line == "" {
			continue
		}
		// The length makes columns meet whatever font is there.
		fmt.Fprintf(&b, `<text x="%d" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
			margin, margin+i*leading+size, float64(len([]rune(line)))*advance, strings.ReplaceAll(html.EscapeString(line), " ", unbroken))
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}
