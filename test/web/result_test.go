package web

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// openResult hands a file in and opens what was read of it.
func (p *tab) openResult(file string) {
	p.Helper()
	p.choose(file)
	p.await("the job is done", `document.querySelector('.file .badge')?.dataset.status === "COMPLETED"`)
	p.press("Open")
	p.await("its first page is there", `document.querySelectorAll('#page-1 .word').length > 3`)
}

func testTwoHundredPages(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.openResult(written(t, "register-200.pdf", typed(200, filler...)))
	p.reads("200 pages")
	p.do(chromedp.SendKeys(chromedp.CSS("[type=search]"), "sheet number 200"))
	p.reads("1 of 1")
	p.await("the page with the match came into view", `document.querySelector('#page-200 .word.found')`)
}

func testFiveHundredPages(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.openResult(written(t, "register-500.pdf", typed(500, filler...)))
	const loaded = `document.querySelectorAll('.page:has(.word)').length`
	for _, n := range []int{2, 250, 251, 500, 1} {
		p.do(chromedp.SetValue(chromedp.CSS(".goto input"), ""), chromedp.SendKeys(chromedp.CSS(".goto input"), fmt.Sprint(n)+kb.Enter))
		p.await(fmt.Sprintf("page %d has its words and is in view", n), fmt.Sprintf(`(() => {
			const page = document.getElementById("page-%d"), { top, bottom } = page.getBoundingClientRect();
			return page.querySelectorAll(".word").length > 100 && bottom > 0 && top < innerHeight;
		})()`, n))
		p.await("pages that are far have none", loaded+" <= 8")
		if nodes := value[int](p, `document.querySelectorAll("*").length`); nodes > 10_000 {
			t.Errorf("at page %d the document has %d elements", n, nodes)
		}
	}
	if asked := p.requests("/pages/"); asked > 200 {
		t.Errorf("%d requests were made for the few pages that were looked at", asked)
	}
	t.Logf("%d elements, %d requests for pages", value[int](p, `document.querySelectorAll("*").length`), p.requests("/pages/"))
}

func testCorrect(t *testing.T, s *site, browser context.Context) {
	const corrected = "កំណត់ហេតុសាកល្បង"
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.openResult(sample(t, "sample.pdf"))
	read := value[string](p, `document.querySelector('[data-w="1"]').textContent`)

	edit := func(text, key string) {
		t.Helper()
		p.do(chromedp.Click(chromedp.CSS(`[data-w="1"]`)), chromedp.WaitVisible(chromedp.CSS(".editor input")))
		p.await("its text is selected", `getSelection().toString() !== "" || document.activeElement.selectionEnd > 0 || document.activeElement.value === ""`)
		p.do(chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent(text), chromedp.KeyEvent(key))
		p.await("the word is there again", `!document.querySelector('.editor') && document.activeElement.dataset.w === "1"`)
	}
	word := func(what, text string) {
		t.Helper()
		p.await(what, `document.querySelector('[data-w="1"]')?.textContent === `+quoted(text))
	}
	save := func() string {
		t.Helper()
		p.do(chromedp.Click(chromedp.CSS(".menu summary")), chromedp.Click(chromedp.CSS("[data-format=docx]"), chromedp.NodeVisible))
		return docx(t, p.download())
	}

	edit("something else", kb.Escape)
	word("Esc left it as it was", read)
	edit(corrected, kb.Enter)
	word("Enter saved it", corrected)
	p.reads("Saved")
	if text := save(); !strings.Contains(text, corrected) {
		t.Errorf("the Word file lacks the correction:\n%s", text)
	}

	p.do(chromedp.Reload())
	word("it is still there after a reload", corrected)
	p.do(chromedp.Click(chromedp.CSS(".menu summary")), chromedp.Click(chromedp.CSS(".menu [type=checkbox]"), chromedp.NodeVisible),
		chromedp.Click(chromedp.CSS("[data-format=docx]"), chromedp.NodeVisible))
	if text := docx(t, p.download()); strings.Contains(text, corrected) {
		t.Error("the Word file without corrections has one")
	}

	edit("again", kb.Enter)
	word("a word may be corrected twice", "again")
	p.do(chromedp.Click(`//*[contains(@class, "notice")]//button[. = "Undo"]`))
	word("it can be undone", corrected)
	edit("", kb.Enter)
	p.await("an empty text removes it", `document.querySelector('[data-w="1"]').classList.contains("removed")`)
	edit(read, kb.Enter)
	word("and what was read brings it back", read)
	if text := save(); strings.Contains(text, corrected) {
		t.Error("the Word file has a correction that was taken back")
	}
}

func testWordToWord(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.openResult(sample(t, "sample.pdf"))
	click := func(w int) {
		t.Helper()
		p.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`[data-w="%d"]`, w))))
		p.await("its editor is open, and no other", fmt.Sprintf(`document.querySelectorAll('.editor').length === 1 && !document.querySelector('[data-w="%d"]')`, w))
	}
	click(1)
	top := value[float64](p, `document.querySelector('.line:last-child').getBoundingClientRect().top - document.querySelector('.words').getBoundingClientRect().top`)
	click(4)
	p.do(chromedp.KeyEvent("first"))
	click(2)
	p.await("the word that was left is saved", `document.querySelector('[data-w="4"]').textContent === "first"`)
	p.await("and did not close the editor of the next", `document.querySelector('.editor') && !document.querySelector('[data-w="2"]')`)
	if now := value[float64](p, `document.querySelector('.line:last-child').getBoundingClientRect().top - document.querySelector('.words').getBoundingClientRect().top`); now-top > 8 || top-now > 8 {
		t.Errorf("the last line went from %v to %v: words move away from the pointer", top, now)
	}
	p.do(chromedp.KeyEvent("second"), chromedp.Click(chromedp.CSS("[type=search]")))
	p.await("leaving saves", `document.querySelector('[data-w="2"]')?.textContent === "second"`)
	p.do(chromedp.KeyEvent("first"))
	p.await("the focus stayed where it was put", `document.querySelector('[type=search]').value === "first"`)
}

func testTwoPeople(t *testing.T, s *site, browser context.Context) {
	mine := s.visit(t, browser, visit{})
	mine.signIn(s.key)
	mine.openResult(sample(t, "sample.pdf"))
	theirs := s.visit(t, browser, visit{})
	theirs.signIn(s.key)
	theirs.do(chromedp.Evaluate[chromedp.Void](`location.hash = ` + quoted(value[string](mine, `location.hash`))))
	theirs.await("its words are there", `document.querySelectorAll('.word').length > 3`)
	write := func(p *tab, text string) {
		p.Helper()
		p.do(chromedp.Click(chromedp.CSS(`[data-w="1"]`)), chromedp.WaitVisible(chromedp.CSS(".editor input")), chromedp.KeyEvent(text+kb.Enter))
	}
	write(theirs, "theirs")
	theirs.reads("Saved")
	write(mine, "mine")
	mine.reads("It reads “theirs” now.")
	mine.do(chromedp.KeyEvent(kb.Escape))
	mine.await("leaving it shows what they wrote", `document.querySelector('[data-w="1"]')?.textContent === "theirs"`)
	write(mine, "mine")
	mine.await("who has seen it may change it", `document.querySelector('[data-w="1"]')?.textContent === "mine"`)
}

func testHighlight(t *testing.T, s *site, browser context.Context) {
	p := s.visit(t, browser, visit{})
	p.signIn(s.key)
	p.openResult(sample(t, "sample.pdf"))
	p.await("the picture is there", `document.querySelector('.paper img')?.naturalWidth > 300`)
	move := func(to string) {
		t.Helper()
		type point struct{ X, Y float64 }
		at := value[point](p, `(() => { const box = `+to+`.getBoundingClientRect(); return { X: box.left + box.width / 2, Y: box.top + box.height / 2 }; })()`)
		p.do(chromedp.MouseEvent("mouseMoved", at.X, at.Y))
	}
	move(`document.querySelector('[data-w="3"]')`)
	p.await("the place of the word lights up", `document.querySelector('.spot')`)
	p.reads("% sure")
	spot := value[string](p, `document.querySelector('.spot').getAttribute("style")`)
	move(`document.querySelector('h1')`)
	p.await("nothing is lit", `!document.querySelector('.spot')`)

	// And back: over that place in the picture, the same word lights up.
	p.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const marker = document.createElement("i");
		marker.id = "marker";
		marker.style.cssText = ` + quoted(spot+";position:absolute;pointer-events:none") + `;
		document.querySelector(".paper").append(marker);
	})()`))
	move(`document.querySelector('#marker')`)
	p.await("the word of the place lights up", `document.querySelector('.word.hot')?.dataset.w === "3"`)
}
