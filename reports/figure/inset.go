package figure

import "math"

// The inset's place in the frame: the upper left corner, which curves that
// start at nothing leave free.
const (
	insetWidth, insetHeight = 0.40, 0.36
	insetText               = 5.5
)

// inset draws the points once more with a logarithmic y axis. Scores of 0 lie
// as hollow marks on its floor, half a decade under the least positive score.
func (p *page) inset(q Panel, r Range, b box) {
	least, most := math.Inf(1), 0.0
	for _, s := range q.Series {
		for _, v := range s.Points {
			if v.Y > 0 {
				least, most = min(least, v.Y), max(most, v.Y)
			}
		}
	}
	if most <= 0 || most/least < 10 {
		return // nothing that the linear axis does not show
	}
	w, h := (b.x1-b.x0)*insetWidth, (b.y1-b.y0)*insetHeight
	in := box{b.x0 + 22, b.y0 + 4, b.x0 + 22 + w - 18, b.y0 + 4 + h}
	page := box{b.x0 + 1, b.y0 + 1, in.x1 + 3, in.y1 + 7}
	if w < 60 || !p.free(q, r, b, page) {
		return // a small panel has no room, and data go first
	}
	p.rect("inset-page", white, page)
	x := newAxis(r, q.LogX, in.x0, in.x1)
	floor := math.Floor(math.Log10(least / 3))
	y := axis{lo: floor, hi: math.Ceil(math.Log10(most)), from: in.y1, to: in.y0, log: true}
	for _, s := range q.Series {
		var chain []XY
		for _, v := range s.Points {
			at := XY{x.at(v.X), in.y1}
			if v.Y > 0 {
				at.Y = y.at(v.Y)
			}
			chain = append(chain, at)
		}
		for i := 1; i < len(chain); i++ {
			if u, v, ok := clip(chain[i-1], chain[i], in); ok {
				p.line("inset-line", colour(s.Family), .5, dash(s.Family), u, v)
			}
		}
		for i, v := range s.Points {
			if !x.holds(v.X) {
				continue
			}
			o := op{class: "inset-marker", path: s.Marker.shape(chain[i], 1.2), fill: white, stroke: colour(s.Family), width: .6}
			if v.Filled {
				o.fill = colour(s.Family)
			}
			p.ops = append(p.ops, o)
		}
	}
	p.frame("inset-frame", grey, .5, in)
	for e := floor; e <= y.hi; e++ {
		at := y.at(math.Pow(10, e))
		p.line("tick", grey, .5, nil, XY{in.x0 - 2, at}, XY{in.x0, at})
		text := "10" + superscript(int(e))
		if e == 0 {
			text = "1"
		}
		if e == floor || e == y.hi {
			p.write(p.face, text, XY{in.x0 - 3, at + insetText*.36}, insetText, end, grey, false)
		}
	}
	p.write(p.face, "log y, 0 on the frame", XY{(in.x0 + in.x1) / 2, in.y1 + insetText}, insetText, middle, grey, false)
}

// free says whether no point, interval or joining line lies in a part of the frame.
func (p *page) free(q Panel, r Range, b, part box) bool {
	x, y := newAxis(r, q.LogX, b.x0, b.x1), newAxis(q.ySpan(), false, b.y1, b.y0)
	wide := box{part.x0, part.y0, part.x1 + 4, part.y1 + 4}
	for _, s := range q.Series {
		for i, v := range s.Points {
			top := v.Y
			if finite(v.Hi) {
				top = v.Hi
			}
			if _, _, hit := clip(XY{x.at(v.X), y.at(v.Y)}, XY{x.at(v.X), y.at(top) - 1}, wide); hit {
				return false
			}
			if i == 0 {
				continue
			}
			u := s.Points[i-1]
			if _, _, hit := clip(XY{x.at(u.X), y.at(u.Y)}, XY{x.at(v.X), y.at(v.Y)}, wide); hit {
				return false
			}
		}
	}
	for _, line := range append(q.Baselines, q.References...) {
		if at := y.at(line.Value); at >= wide.y0 && at <= wide.y1 {
			return false
		}
	}
	return true
}
