package instruct_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/instruct"
	"github.com/onset-eval/onset/tasks/pyval"
)

type reference struct {
	Sentences, Words [][2]any
	Checks           []struct {
		ID            string
		Arguments     map[string]any
		Text          string
		Strict, Loose []bool
	}
}

// read gives what NLTK and the harness gave: testdata/reference.py.
func read(t *testing.T) reference {
	t.Helper()
	packed, err := os.ReadFile("testdata/reference.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Sentences) < 500 || len(ref.Words) < 500 || len(ref.Checks) < 1000 {
		t.Fatal("too few cases")
	}
	return ref
}

func TestSentencesAgree(t *testing.T) { agree(t, read(t).Sentences, instruct.Sentences) }

func TestWordsAgree(t *testing.T) { agree(t, read(t).Words, instruct.Words) }

func agree(t *testing.T, cases [][2]any, f func(string) []string) {
	for _, c := range cases {
		var want []string
		for _, s := range c[1].([]any) {
			want = append(want, s.(string))
		}
		if got := f(c[0].(string)); !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", c[0], got, want)
		}
	}
}

func value(v any) pyval.Value {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case []any:
		var out pyval.List
		for _, e := range v {
			out = append(out, value(e))
		}
		return out
	}
	return v
}

func TestChecksAgree(t *testing.T) {
	seen := make(map[string]int)
	for _, c := range read(t).Checks {
		arguments := new(pyval.Dict)
		for k, v := range c.Arguments {
			arguments.Set(k, value(v))
		}
		got, err := instruct.Judge([]string{c.ID}, []*pyval.Dict{arguments}, c.Text)
		if err != nil {
			t.Fatalf("%s %v: %v", c.ID, c.Arguments, err)
		}
		if !slices.Equal(got.Strict, c.Strict) || !slices.Equal(got.Loose, c.Loose) {
			t.Errorf("%s %v of %q: got %+v, want %v %v", c.ID, c.Arguments, c.Text, got, c.Strict, c.Loose)
		}
		seen[c.ID]++
	}
	for _, in := range instruct.Instructions() {
		if seen[in.ID] == 0 && !strings.HasPrefix(in.ID, "language") && !strings.HasPrefix(in.ID, "change_case:english") {
			t.Errorf("%s has no cases", in.ID)
		}
	}
}

func TestLanguages(t *testing.T) {
	texts := map[string]string{
		"en": "The quick brown fox jumps over the lazy dog and then goes home to sleep.",
		"de": "Der schnelle braune Fuchs springt über den faulen Hund und geht dann nach Hause.",
		"fr": "Le renard brun saute par-dessus le chien paresseux et rentre ensuite à la maison.",
		"es": "El rápido zorro marrón salta sobre el perro perezoso y luego se va a casa a dormir.",
		"it": "La volpe marrone salta sopra il cane pigro e poi torna a casa per dormire tutta la notte.",
		"pt": "A rápida raposa marrom salta sobre o cão preguiçoso e depois vai para casa dormir.",
		"ru": "Быстрая коричневая лиса прыгает через ленивую собаку и потом идёт домой спать.",
		"uk": "Швидка руда лисиця перестрибує через ледачого собаку, а потім іде додому спати.",
		"pl": "Szybki brązowy lis przeskakuje nad leniwym psem, a potem wraca do domu spać.",
		"fi": "Nopea ruskea kettu hyppää laiskan koiran yli ja menee sitten kotiin nukkumaan.",
		"vi": "Con cáo nâu nhanh nhẹn nhảy qua con chó lười biếng rồi về nhà ngủ.",
		"ja": "素早い茶色の狐がのろまな犬を飛び越えて、それから家に帰って寝ます。",
		"ko": "빠른 갈색 여우가 게으른 개를 뛰어넘고 집으로 돌아가서 잠을 잔다.",
		"th": "สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ",
		"ar": "الثعلب البني السريع يقفز فوق الكلب الكسول ثم يعود إلى البيت لينام",
		"he": "השועל החום המהיר קופץ מעל הכלב העצלן ואז הולך הביתה לישון",
		"hi": "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूदती है और फिर घर जाकर सोती है",
		"ta": "வேகமான பழுப்பு நரி சோம்பேறி நாயின் மேல் தாவுகிறது",
		"te": "వేగవంతమైన గోధుమ రంగు నక్క సోమరి కుక్క మీదుగా దూకుతుంది",
		"kn": "ವೇಗದ ಕಂದು ನರಿ ಸೋಮಾರಿ ನಾಯಿಯ ಮೇಲೆ ಹಾರುತ್ತದೆ",
		"gu": "ઝડપી ભૂરી શિયાળ આળસુ કૂતરા ઉપર કૂદે છે",
		"pa": "ਤੇਜ਼ ਭੂਰੀ ਲੂੰਬੜੀ ਆਲਸੀ ਕੁੱਤੇ ਉੱਤੇ ਛਾਲ ਮਾਰਦੀ ਹੈ",
		"ml": "വേഗതയുള്ള തവിട്ടു കുറുക്കൻ മടിയനായ നായയുടെ മുകളിലൂടെ ചാടുന്നു",
		"bn": "দ্রুত বাদামী শিয়াল অলস কুকুরের উপর দিয়ে লাফ দেয়",
	}
	for code, text := range texts {
		for other := range texts {
			arguments := new(pyval.Dict)
			arguments.Set("language", other)
			got, err := instruct.Follows("language:response_language", arguments, text)
			if err != nil || got != (code == other) {
				t.Errorf("%q is %s: %v, %v", text, other, got, err)
			}
		}
	}
	for text, want := range map[string]bool{"THIS IS A TEXT IN ENGLISH AND IT IS IN CAPITALS.": true, "This is a text in English.": false, "DIES IST EIN LANGER TEXT AUF DEUTSCH, DER GROSS IST.": false} {
		if got, err := instruct.Follows("change_case:english_capital", nil, text); err != nil || got != want {
			t.Errorf("%q in English capitals: %v, %v", text, got, err)
		}
		if got, err := instruct.Follows("change_case:english_lowercase", nil, strings.ToLower(text)); err != nil || got != strings.Contains(strings.ToLower(text), "english") {
			t.Errorf("%q in English small letters: %v, %v", strings.ToLower(text), got, err)
		}
	}
}

func TestWrongArguments(t *testing.T) {
	for _, in := range instruct.Instructions() {
		_, err := instruct.Follows(in.ID, nil, "Some text, so long.")
		needs := !slices.Contains([]string{
			"detectable_format:constrained_response", "detectable_format:json_format", "detectable_format:title", "combination:two_responses",
			"startend:quotation", "change_case:english_capital", "change_case:english_lowercase", "punctuation:no_comma",
		}, in.ID)
		if (err != nil) != needs {
			t.Errorf("%s without arguments: %v", in.ID, err)
		}
	}
	if _, err := instruct.Follows("nothing:such", nil, "x"); err == nil {
		t.Error("an unknown instruction is no error")
	}
}

func FuzzSentences(f *testing.F) {
	f.Add("Dr. No. 5... (Yes!) \"Ok.\" ")
	f.Add("a.\xffb. C?\n\n!")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 500 {
			return
		}
		instruct.Words(text)
	})
}
