package figure

import (
	"cmp"
	"slices"
)

// endShare is the most of a panel's width that names at the curves' ends take.
const endShare = 0.34

// endRoom is the width to the right of the frame for the names of its curves.
func (p *page) endRoom(q Panel, width float64) float64 {
	if !p.direct {
		return 0
	}
	widest := 0.0
	for _, s := range q.Series {
		_, w := p.face.set(s.Name, textSize)
		widest = max(widest, w)
	}
	return min(widest+10, width*endShare)
}

// endLabels names each curve beside its last point, moved up or down until no
// two names overlap, with a thin line from the point to a name that was moved.
func (p *page) endLabels(q Panel, x, y axis, b box) {
	type label struct {
		at   XY
		want float64
		name string
		s    Series
	}
	var labels []label
	for _, s := range q.Series {
		if s.Name == "" || len(s.Points) == 0 {
			continue
		}
		last := s.Points[len(s.Points)-1]
		at := XY{min(max(x.at(last.X), b.x0), b.x1), y.clamp(last.Y)}
		labels = append(labels, label{at, at.Y, s.Name, s})
	}
	slices.SortStableFunc(labels, func(a, c label) int { return cmp.Compare(a.at.Y, c.at.Y) })
	const step = textSize * 1.12
	top, bottom := b.y0+textSize/2, b.y1-textSize/2
	for i := range labels { // down from the top, then up from the bottom
		labels[i].want = max(labels[i].want, top+float64(i)*step)
		if i > 0 {
			labels[i].want = max(labels[i].want, labels[i-1].want+step)
		}
	}
	for i := len(labels) - 1; i >= 0; i-- {
		labels[i].want = min(labels[i].want, bottom-float64(len(labels)-1-i)*step)
		if i < len(labels)-1 {
			labels[i].want = min(labels[i].want, labels[i+1].want-step)
		}
	}
	room := p.endRoom(q, (b.x1-b.x0)/(1-endShare)) - 8
	for _, l := range labels {
		c := colour(l.s.Family)
		p.line("leader", c, .4, nil, XY{l.at.X + 2.5, l.at.Y}, XY{b.x1 + 5, l.want})
		p.write(p.face, p.fit(l.name, max(room, 12)), XY{b.x1 + 6.5, l.want + textSize*.36}, textSize, start, c, false)
	}
}

// references draws the grey lines of other scores, each with its label at the
// right end, above the line where there is room.
func (p *page) references(q Panel, y axis, b box) {
	for _, r := range q.References {
		if !y.holds(r.Value) {
			p.warn("panel %q: reference %q at %g is outside the y range", q.Title, r.Label, r.Value)
			continue
		}
		at := y.at(r.Value)
		p.line("reference", grey, 1, nil, XY{b.x0, at}, XY{b.x1, at})
		base := at - 2
		if base-textSize < b.y0 {
			base = at + textSize
		}
		p.write(p.face, p.fit(r.Label, b.x1-b.x0-4), XY{b.x1 - 2, base}, textSize-1, end, grey, false)
	}
}
