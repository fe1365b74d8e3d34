package report

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// manyRows is a report of n rows with all kinds of outcomes.
func manyRows(n int) string {
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.Write(append(slices.Clone(columnNames), "ticket"))
	outcomes := []batch.Outcome{batch.Failed, batch.Unknown, batch.Denied, batch.Absent, batch.Skipped}
	for i := range n {
		e := Entry{Result: batch.Result{
			Row:     batch.Row{Line: i + 2, ImageID: image, MemberID: fmt.Sprintf("%s%07d", member[:25], i)},
			Outcome: batch.Revoked, Status: 204, Attempts: 1 + i%7/6, Duration: time.Duration(i*7919%5000) * time.Millisecond,
			RequestID: fmt.Sprintf("req-%d", i), FinishedAt: noon.Add(time.Duration(i) * 300 * time.Millisecond),
		}}
		if i%20 == 0 {
			e.Outcome, e.Status, e.Message = outcomes[i/20%len(outcomes)], 503, fmt.Sprint("reason ", i%3)
		}
		if e.Outcome == batch.Skipped {
			e.Attempts, e.Status, e.RequestID, e.FinishedAt = 0, 0, "", time.Time{}
		}
		c := columnsOf(&e)
		out.Write([]string{c.Line, c.ImageID, c.MemberID, c.Outcome, c.HTTPStatus, c.Attempts, c.DurationMS, c.RequestID, c.Message, c.FinishedAt, "", "", fmt.Sprint("INC-", i)})
	}
	out.Flush()
	return b.String()
}

func TestThePageInABrowser(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	const rows = 334
	text := manyRows(rows)
	counts := make(map[string]int)
	for _, line := range strings.Split(text, "\n")[1 : rows+1] {
		counts[strings.Split(line, ",")[3]]++
	}
	path := writePage(t, View{}, text)
	open := counts["failed"] + counts["unknown"] + counts["denied"] + counts["skipped"]
	isDone := func(outcome string) bool { return strings.HasPrefix(outcome, "●") }

	t.Run("counts what the CSV holds", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path)
		if got := value[string](tb, `document.getElementById("count-all").textContent`); got != "334" {
			t.Errorf("all rows are %s", got)
		}
		got := value[map[string]string](tb, `Object.fromEntries([...document.querySelectorAll("[data-outcome]")].map(e => [e.dataset.outcome, e.textContent]))`)
		chosen := value[map[string]string](tb, `Object.fromEntries([...document.querySelectorAll("#filter label:not(.only)")].map(e => [e.textContent.trim().split(" ")[0].slice(1), e.querySelector(".count").textContent]))`)
		if len(got) != len(counts) || len(chosen) != len(counts) {
			t.Errorf("outcomes %v, to choose from %v, want %v", got, chosen, counts)
		}
		for outcome, n := range counts {
			if got[outcome] != grouped(n) || chosen[outcome] != grouped(n) {
				t.Errorf("%s: %q, to choose %q, want %d", outcome, got[outcome], chosen[outcome], n)
			}
			box := fmt.Sprintf(`#filter input[value="%d"]`, slices.Index(states(), state(outcome)))
			tb.click(box)
			tb.found(grouped(n) + " of 334 rows")
			for _, shown := range tb.column("outcome") {
				if !strings.HasSuffix(shown, outcome) {
					t.Errorf("%q is shown among the rows that are %s", shown, outcome)
				}
			}
			tb.click(box)
		}
		tb.found("334 rows")
	})

	t.Run("finds a row", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path)
		for _, words := range []string{"0000277", "req-277 204", "INC-277", "REQ-277"} {
			tb.search("no such row") // so that it can be seen when the table is drawn anew
			tb.found("0 of 334 rows")
			tb.search(words)
			tb.found("1 of 334 rows")
			if got := tb.column("line"); !slices.Equal(got, []string{"279"}) {
				t.Errorf("%s finds the lines %q, want 279", words, got)
			}
		}
		tb.click("#body button.more")
		if got := value[string](tb, `document.querySelector("#body .detail").textContent`); got != "requestreq-277ticketINC-277address of this row" {
			t.Errorf("more of the row: %q", got)
		}
		if got := value[string](tb, `document.activeElement.getAttribute("aria-expanded")`); got != "true" {
			t.Errorf("the focus is on something whose aria-expanded is %q", got)
		}
		tb.search("no such row")
		tb.found("0 of 334 rows")
		if got := value[string](tb, `document.getElementById("body").textContent`); !strings.HasPrefix(got, "No row is like this.") {
			t.Errorf("where there is no row stands %q", got)
		}
	})

	t.Run("sorts and turns pages", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path, chromedp.EmulateViewport(1400, 900))
		took := func() []int {
			var all []int
			for _, cell := range tb.column("duration") {
				if n, ok := strings.CutSuffix(cell, " ms"); ok {
					ms, _ := strconv.Atoi(n)
					all = append(all, ms)
				} else if n, ok := strings.CutSuffix(cell, " s"); ok {
					s, _ := strconv.ParseFloat(n, 64)
					all = append(all, int(s*1000))
				}
			}
			return all
		}
		if got := tb.column("outcome"); len(got) != 100 || slices.ContainsFunc(got[:open], isDone) || !isDone(got[open]) {
			t.Errorf("the first %d rows are not those that are not settled: %v", open, got)
		}
		const button = `#heads th[data-key="6"] button`
		for _, direction := range []string{"ascending", "descending"} {
			tb.click(button)
			if got := value[string](tb, `[...document.querySelectorAll("#heads [aria-sort]")].map(e => e.textContent + e.ariaSort).join()`); !strings.Contains(got, direction) || !strings.HasPrefix(got, "duration") {
				t.Errorf("aria-sort is %q, want duration %s", got, direction)
			}
			all := took()
			if direction == "descending" {
				slices.Reverse(all)
			}
			if len(all) != 100 || !slices.IsSorted(all) {
				t.Errorf("%s: %v", direction, all)
			}
		}
		tb.click(`#heads th[data-key="0"] button`)
		tb.click(".pager.below .next")
		if got := tb.column("line"); len(got) != 100 || got[0] != "102" || got[99] != "201" {
			t.Errorf("the second page has the lines %v", got)
		}
		if got := value[string](tb, `document.getElementById("place").textContent`); got != "rows 101 to 200 of 334" {
			t.Errorf("the place is %q", got)
		}
	})

	t.Run("keeps the focus on the last page", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path+"#page=4")
		if got := tb.column("line"); len(got) != 34 {
			t.Errorf("the last page has %d rows", len(got))
		}
		if got := value[string](tb, `document.querySelector(".above .next").focus(); document.querySelector(".above .next").click(); document.activeElement.textContent`); got != "Next" {
			t.Errorf("the focus is on %q", got)
		}
		tb.click(".above .previous")
		if got := tb.column("line"); len(got) != 100 {
			t.Errorf("the page before has %d rows", len(got))
		}
	})

	t.Run("a view has an address", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path)
		for address, want := range map[string]string{
			"#line=242":                           "1 of 334 rows",
			"#unsettled=1":                        fmt.Sprint(open, " of 334 rows"),
			"#outcome=denied":                     fmt.Sprint(counts["denied"], " of 334 rows"),
			"#outcome=denied%7Cfailed":            fmt.Sprint(counts["denied"]+counts["failed"], " of 334 rows"),
			"#member=" + member[:25] + "0000277":  "1 of 334 rows",
			"#image=" + strings.ToUpper(image):    "334 rows",
			"#column1=INC-277":                    "1 of 334 rows",
			"#search=line%3A242":                  "1 of 334 rows",
			"#search=inc-27&in=ticket":            "11 of 334 rows",
			"#search=http:503%20outcome:denied":   fmt.Sprint(counts["denied"], " of 334 rows"),
			"#search=242&in=line":                 "1 of 334 rows",
			"#search=242&in=message":              "0 of 334 rows",
			"#line=%3Cscript%3E&column9=x&nobody": "0 of 334 rows",
			"#rows":                               "334 rows",
		} {
			tb.run(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("location.hash = %q; null", address)))
			tb.found(want)
			tb.run(chromedp.Evaluate[chromedp.Void](`location.hash = "#search="; null`))
			tb.found("334 rows")
		}
		openPage(t, browser, path+"#line=242").found("1 of 334 rows")
	})

	t.Run("links choose rows", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path)
		tb.click("#outcomes a[href='#outcome=denied']")
		tb.found(fmt.Sprint(counts["denied"], " of 334 rows"))
		tb.click("#chips button:last-of-type")
		tb.found("334 rows")
		if got := value[string](tb, `location.hash`); got != "" {
			t.Errorf("all rows have the address %q", got)
		}
		line := value[string](tb, `document.querySelector(".reasons .lines a").textContent`)
		for range 2 { // the second time the address does not change
			tb.click(".reasons .lines a")
			tb.found("1 of 334 rows")
		}
		if got := tb.column("line"); !slices.Equal(got, []string{line}) || value[int](tb, `document.querySelectorAll("#body .detail").length`) != 1 {
			t.Errorf("the link to line %s shows %v", line, got)
		}
		tb.click(".reasons li:first-child .what a")
		of, rest, _ := strings.Cut(value[string](tb, `document.querySelector(".reasons .what a").textContent`), " ")
		tb.found(of + " of 334 rows")
		for _, shown := range tb.column("outcome") {
			if !strings.HasSuffix(shown, rest) {
				t.Errorf("%q is shown of the reason of %s", shown, rest)
			}
		}
		tb.click("#chips button:last-of-type")
		tb.click("#unsettled")
		tb.found(fmt.Sprint(open, " of 334 rows"))
		if got := value[string](tb, `location.hash`); got != "#unsettled=1" {
			t.Errorf("the address is %q", got)
		}
		tb.click("#groups .group:first-child tbody tr:first-child a")
		tb.found("1 of 334 rows")
	})

	t.Run("a selection is a report", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path+"#search=reason&order=0-")
		tb.run(chromedp.Evaluate[chromedp.Void](`
			window.saved = []; // in place of the clipboard and of the download
			navigator.clipboard.writeText = text => { saved.push(text); return Promise.resolve(); };
			URL.createObjectURL = blob => { blob.text().then(text => saved.push(text)); return "data:,"; };
			HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
			null`))
		tb.click("#copy")
		tb.await(`document.getElementById("copied").textContent === "copied: 17 rows"`)
		tb.click("#download")
		tb.await(`saved.length === 3`)
		saved := value[[]string](tb, `saved`)
		if saved[1] != "pairs.report.selection.csv" || saved[2] != saved[0] {
			t.Errorf("it downloads %q: %.99q", saved[1], saved[2])
		}
		lines := strings.Split(strings.TrimSuffix(saved[0], "\n"), "\n")
		all := strings.Split(text, "\n")
		if len(lines) != 18 || lines[0] != all[0] {
			t.Fatalf("%d lines, the first is %s", len(lines), lines[0])
		}
		for _, line := range lines[1:] {
			if !slices.Contains(all, line) {
				t.Errorf("not a row of the report: %s", line)
			}
		}
		if line, _, _ := strings.Cut(lines[1], ","); line != "322" {
			t.Errorf("the selection begins with line %s", line)
		}
	})

	t.Run("without a script", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, writePage(t, View{}, manyRows(maxStaticRows+20)), scripts(false))
		tb.run(scripts(true))
		got := value[[]int](tb, `[document.querySelectorAll(".static tbody tr").length, document.querySelector(".static").offsetHeight > 0 ? 1 : 0, document.querySelector(".app").offsetHeight]`)
		if !slices.Equal(got, []int{maxStaticRows, 1, 0}) {
			t.Errorf("rows, whether they are seen, height of what needs a script: %v", got)
		}
	})

	t.Run("on paper", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path, media("print"))
		got := value[[]int](tb, `[[...document.querySelectorAll(".static tbody tr")].filter(e => e.offsetHeight).length, document.querySelector(".app").offsetHeight]`)
		want := rows - counts["revoked"] - counts["absent"]
		if !slices.Equal(got, []int{want, 0}) {
			t.Errorf("rows, height of the controls: %v, want %d rows that are not settled", got, want)
		}
		paper := value[string](tb, `document.querySelector(".static").innerText`)
		for _, words := range []string{
			fmt.Sprintf("Printed are all rows that are not settled: %d. The %s rows that are settled are not printed: the report has them.", want, grouped(rows-want)),
			"member\toutcome", "reason 0 request req-0; ticket INC-0",
		} {
			if !strings.Contains(strings.Join(strings.Fields(paper), " "), strings.Join(strings.Fields(words), " ")) {
				t.Errorf("on paper stands no %q: %.600q", words, paper)
			}
		}
	})

	t.Run("on a telephone", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("x", 255)
		wide := strings.Replace(strings.Replace(text, member[:25]+"0000003", long, 1), "reason 0", long+long, 1)
		for _, path := range []string{path, writePage(t, View{}, wide)} {
			tb := openPage(t, browser, path, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
			if got := value[int](tb, `document.documentElement.scrollWidth`); got != 360 {
				t.Errorf("the page is %d wide", got)
			}
		}
	})

	t.Run("for a screen reader", func(t *testing.T) {
		t.Parallel()
		tb := openPage(t, browser, path, chromedp.EmulateViewport(1400, 900))
		names := make(map[string][]string)
		tree, err := chromedp.Call(tb.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range tree.Nodes {
			if node.Ignored || node.Role == nil {
				continue
			}
			role, name := unquote(node.Role.Value), ""
			if node.Name != nil {
				name = unquote(node.Name.Value)
			}
			names[role] = append(names[role], name)
		}
		for _, role := range []string{"banner", "main", "contentinfo", "search", "status", "navigation", "table", "columnheader", "rowheader"} {
			if len(names[role]) == 0 {
				t.Errorf("nothing has the role %s", role)
			}
		}
		for _, role := range []string{"textbox", "searchbox", "combobox", "checkbox", "button", "image", "table", "navigation", "region", "link"} {
			if slices.Contains(names[role], "") {
				t.Errorf("a %s has no name", role)
			}
		}
	})
}

func TestHostileTextIsInertOnThePage(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
	hostile := []string{
		`</script><script>window.pwned = 1</script>`, `<img src=x onerror="window.pwned = 1">`, "${window.pwned = 1}", "{{.Policy}}",
		"a\u2028b\u2029c", "'=cmd|' /C calc'!A1", `" onmouseover="window.pwned = 1`, "<!--", "]]>", "]}</style>", "&lt;b&gt;&amp;", `\u003cb\u003e`,
		"javascript:alert(1)", "\u202eright to left", "\x00\x01",
	}
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.Write(append(slices.Clone(columnNames), hostile[0], hostile[1]))
	for i, text := range hostile {
		out.Write([]string{fmt.Sprint(i + 2), text, text, "invalid", "400", "1", "5", text, text, "2026-11-23T12:00:00.001Z", "", text, text, text})
	}
	out.Flush()
	tb := openPage(t, browser, writePage(t, View{}, b.String()))
	tb.found("15 rows")
	for range hostile {
		tb.click(`#body button.more[aria-expanded="false"]`)
	}
	if value[bool](tb, `"pwned" in window`) || value[int](tb, `document.querySelectorAll("img, #body script, [onmouseover], b b").length`) > 0 {
		t.Error("text of the report has become markup")
	}
	for _, name := range []string{"message", "image", "member"} {
		for j, got := range value[[]string](tb, `[...document.querySelectorAll("#body td[data-name=`+name+`]")].map(td => td.textContent)`) {
			if want := plain.Text(hostile[j]); got != want {
				t.Errorf("%s of row %d: %q, want %q", name, j, got, want)
			}
		}
	}
	got := value[[]string](tb, `[...document.querySelectorAll("#body .detail dl")].map(dl => [...dl.children].map(e => e.textContent).join("|"))`)
	for i, text := range hostile {
		text = plain.Text(text)
		if want := strings.Join([]string{"request", text, "also shared with", text, hostile[0], text, hostile[1], text}, "|"); got[i] != want {
			t.Errorf("more of row %d: %q, want %q", i, got[i], want)
		}
	}

	// Should markup come in nevertheless, the policy keeps it from doing anything.
	tb = openDoubtfulPage(t, browser, writePage(t, View{}, b.String()))
	tb.run(chromedp.Evaluate[chromedp.Void](`
		window.refused = [];
		document.addEventListener("securitypolicyviolation", e => refused.push(e.effectiveDirective));
		document.body.insertAdjacentHTML("beforeend", '<img src="https://image.invalid/x"><iframe src="data:text/html,x"></iframe><b onclick="window.pwned = 1" style="color: red">x</b>');
		document.body.append(Object.assign(document.createElement("script"), {textContent: "window.pwned = 2"}));
		document.body.lastChild.previousSibling.click();
		fetch("https://image.invalid/x").catch(() => {});
		new Image().src = "https://image.invalid/y";
		null`))
	for _, directive := range []string{"img-src", "frame-src", "script-src-attr", "script-src-elem", "style-src-attr", "connect-src"} {
		tb.await(fmt.Sprintf("refused.includes(%q)", directive))
	}
	if value[bool](tb, `"pwned" in window`) {
		t.Error("a script that is not the page's has run")
	}
}

// TestAPageIsNothingButText: whoever may choose any of its words.
func TestAPageIsNothingButText(t *testing.T) {
	t.Parallel()
	for _, own := range []string{pageHTML, pageStyle, pageScript} {
		if own != plain.Text(own) {
			t.Error("the page's own text would be changed, and its policy be wrong")
		}
	}
	const bad = "\x1b[2J\x9b\u202e\u2066\u200f\x07</script><b>"
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.Write(append(slices.Clone(columnNames), "a"+bad))
	out.Write([]string{"2", bad, bad, "rejected", "400", "1", "5", bad, bad, "2026-11-23T12:00:00.001Z", "", bad, bad})
	out.Flush()
	r, err := openResults(t, "pairs"+bad[:3]+".csv", b.String())
	if err != nil {
		t.Fatal(err)
	}
	r.Origin = &Run{
		Verb: bad, Input: bad, Digest: bad, Rows: 2, Shard: bad, Endpoint: bad, Project: bad, Credentials: bad, User: bad, Host: bad, Version: bad, Started: noon,
	}
	r.Stopped = Stop{Reason: bad, At: noon}
	var page strings.Builder
	if err := (View{Format: FormatHTML}).Write(&page, r); err != nil {
		t.Fatal(err)
	}
	if got := page.String(); got != plain.Text(got) || strings.Contains(got, `\u001b`) || strings.Contains(got, "<b>\n") || strings.Contains(got, "</script><b>") {
		t.Errorf("the page has more than text: %q", got)
	}
}

// A page of very many rows holds some of them, those first that are not
// settled, says so, and stays small in the browser.
func TestAVeryLargePage(t *testing.T) {
	t.Parallel()
	const rows = maxPageRows + 20_000
	path := writePage(t, View{}, manyRows(rows))
	tb := openPage(t, startBrowser(t), path)
	tb.found("100,000 rows")
	if got := value[string](tb, `document.querySelector("#rows .note").textContent`); !strings.Contains(got, "The report has 120,000 rows; this page lists 100,000 of them: 4,800 of 4,800 that are not settled, and 95,200 of 115,200 that are.") {
		t.Errorf("the page says %q", got)
	}
	if got := value[string](tb, `document.getElementById("count-all").textContent`); got != "120,000" {
		t.Errorf("all rows are %s", got)
	}
	tb.search("failed reason")
	tb.found("1,200 of 100,000 rows")
	tb.search("0050000")
	tb.found("1 of 100,000 rows")
	tb.search(" ")
	tb.found("100,000 rows")
	if n := value[int](tb, `document.querySelectorAll("#body tr").length`); n != 100 {
		t.Errorf("%d rows are laid out", n)
	}
	if n := value[int](tb, `document.querySelectorAll("*").length`); n > 20_000 {
		t.Errorf("the page has %d elements", n)
	}
}

// scripts lets scripts run in a page, or not.
func scripts(run bool) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
		return err
	})
}

// media shows a page as on "print", or another medium.
func media(medium string, features ...*emulation.MediaFeature) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: medium, Features: features})
		return err
	})
}

// unquote reads a word in JSON.
func unquote(value []byte) string {
	var text string
	_ = json.Unmarshal(value, &text) // what is no text has no name
	return text
}
