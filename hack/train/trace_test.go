package main

import (
	"slices"
	"strings"
	"testing"
)

func TestReadTrace(t *testing.T) {
	const trace = `<document filename="a.pdf">
<page number="1" mediabox="0 0 595 842">
<fill_text colorspace="DeviceGray" color="0" transform="1 0 0 -1 0 842">
    <span font="ABCDEF+LimonS1" wmode="0" bidi="0" trm="24 0 0 24">
        <g unicode="k" glyph="76" x="100" y="700" adv=".4"/>
        <g unicode="&lt;" glyph="29" x="109.6" y="700" adv=".001"/>
        <g unicode="a" glyph="66" x="109.8" y="700" adv=".2"/>
        <g unicode=" " glyph="3" x="114.4" y="700" adv=".4"/>
        <g unicode="x" glyph="89" x="124" y="700" adv=".4"/>
        <g unicode="y" glyph="90" x="140" y="700" adv=".4"/>
    </span>
    <span font="Helvetica" wmode="0" bidi="0" trm="24 0 0 24">
        <g unicode="N" glyph="N" x="149.6" y="700" adv=".7"/>
    </span>
    <span font="ABCDEF+LimonS1" wmode="0" bidi="0" trm="24 0 0 24">
        <g unicode="g" glyph="72" x="100" y="660" adv=".4"/>
    </span>
</fill_text>
</page>
<page number="2" mediabox="0 0 595 842">
<fill_text colorspace="DeviceGray" color="0" transform="1 0 0 -1 0 842">
    <span font="ABCDEF+LimonS1" wmode="0" bidi="0" trm="24 0 0 24">
        <g unicode="h" glyph="73" x="109.6" y="660" adv=".4"/>
    </span>
</fill_text>
</page>
</document>`
	var got []string
	var ids []int
	err := readTrace(strings.NewReader(trace), func(r run) {
		got = append(got, r.font+" "+string(r.codes))
		ids = append(ids, r.ids...)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"ABCDEF+LimonS1 k<a", "ABCDEF+LimonS1 x", "ABCDEF+LimonS1 y", "ABCDEF+LimonS1 g", "ABCDEF+LimonS1 h"}
	if !slices.Equal(got, want) || !slices.Equal(ids, []int{76, 29, 66, 89, 90, 72, 73}) {
		t.Errorf("got %q with glyphs %v, want %q", got, ids, want)
	}
	if err := readTrace(strings.NewReader(`<span font="F" trm="x"/>`), func(run) {}); err == nil {
		t.Error("a trace of no numbers is read")
	}
}
