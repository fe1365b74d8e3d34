package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// theBrowser is the Chromium that all tests share. It is started when the first of
// them needs it, and ended by TestMain.
var theBrowser struct {
	sync.Mutex
	ctx  context.Context
	err  error
	stop func()
}

// startBrowser is a Chromium for the tests. Where there is none they are skipped,
// but never where a change is judged (CI=true).
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	switch {
	case path == "" && os.Getenv("CI") == "true":
		t.Fatal("no Chromium is installed, without which nobody knows what the page looks like: apt-get install chromium")
	case path == "":
		t.Skip("no Chromium is installed: apt-get install chromium")
	}
	theBrowser.Lock()
	defer theBrowser.Unlock()
	if theBrowser.stop == nil {
		theBrowser.ctx, theBrowser.stop, theBrowser.err = newBrowser(path)
	}
	if theBrowser.err != nil {
		t.Fatalf("start %s: %v", path, theBrowser.err)
	}
	return theBrowser.ctx
}

// newBrowser starts a Chromium that keeps all of its files in one directory, its
// sockets included, which stop removes.
func newBrowser(path string) (ctx context.Context, stop func(), err error) {
	dir, err := os.MkdirTemp("", "browser-")
	if err != nil {
		return nil, func() {}, err
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Env("TMPDIR="+dir),
		chromedp.NoSandbox, // for tests as root, on files of their own
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.WSURLReadTimeout(2*time.Minute),
	)...)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	stop = func() {
		closeBrowser()
		stopAllocator()
		for range 100 { // its last processes may write for a moment longer
			if os.RemoveAll(dir) == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return ctx, stop, chromedp.Do(ctx)
}

// A tab is a page in the browser.
type tab struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string // errors on the console, and requests for anything but the page
}

// openPage opens a page in a tab of its own. The test fails in the end when it
// had errors or has asked for anything.
func openPage(t *testing.T, browser context.Context, path string, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	tb := openDoubtfulPage(t, browser, path, before...)
	t.Cleanup(func() {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, problem := range tb.problems {
			t.Error(problem)
		}
	})
	return tb
}

// openDoubtfulPage opens a page that may have errors.
func openDoubtfulPage(t *testing.T, browser context.Context, path string, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	url := "file://" + path
	tb := &tab{TB: t, ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			tb.problems = append(tb.problems, "exception: "+e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			tb.problems = append(tb.problems, "console: "+string(e.Type))
		case *log.EventEntryAdded:
			tb.problems = append(tb.problems, "log: "+e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if page, _, _ := strings.Cut(url, "#"); e.Request.URL != page && !strings.HasPrefix(e.Request.URL, "data:") {
				tb.problems = append(tb.problems, "request: "+e.Request.URL)
			}
		}
	})
	if err == nil {
		_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	}
	if err == nil {
		_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	}
	if err != nil {
		t.Fatal(err)
	}
	tb.run(before...)
	tb.run(chromedp.Navigate(url))
	return tb
}

func (tb *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.ctx, actions...); err != nil {
		tb.Fatal(err)
	}
}

// value is what an expression gives in a page.
func value[T any](tb *tab, expression string) T {
	tb.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tb.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true in the page.
func (tb *tab) await(expression string) {
	tb.Helper()
	if _, err := chromedp.Run(tb.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		tb.Fatalf("%s: %v; the page says %q", expression, err, value[string](tb, `document.getElementById("found").textContent`))
	}
}

// search types into the search field.
func (tb *tab) search(text string) {
	tb.Helper()
	tb.run(chromedp.Evaluate[chromedp.Void](`document.getElementById("search").value = ""`), chromedp.SendKeys(chromedp.CSS("#search"), text))
}

// click clicks on what a CSS selector finds.
func (tb *tab) click(selector string) {
	tb.Helper()
	tb.run(chromedp.Click(chromedp.CSS(selector)))
}

// found waits until the page says how many rows it has found.
func (tb *tab) found(text string) {
	tb.Helper()
	tb.await(fmt.Sprintf("document.getElementById(\"found\").textContent === %q", text))
}

// column is what stands in a column of the rows that are shown.
func (tb *tab) column(name string) []string {
	tb.Helper()
	return value[[]string](tb, `[...document.querySelectorAll("#body [data-name=`+name+`]")].map(td => td.textContent.trim())`)
}

// writePage writes the page of a report to a file.
func writePage(t testing.TB, v View, report string) string {
	t.Helper()
	r, err := openResults(t, "pairs.report.csv", report)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	v.Format = FormatHTML
	if err := v.WriteFile(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}
