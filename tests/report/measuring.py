"""Opens a page in the browser at a width, in light or dark, and measures what a person would see."""

# Returns a list of faults in words. A label is a text that must be readable: all of it inside the window, none over another.
MEASURE = r'''
const faults = [], wide = document.documentElement.clientWidth;
const named = (element) => element.tagName + '.' + (element.getAttribute('class') || '') + ' "' + element.textContent.slice(0, 40) + '"';
if (document.documentElement.scrollWidth > wide) faults.push('the page is wider than the window: ' + document.documentElement.scrollWidth);
const boxes = (selector) => [...document.querySelectorAll(selector)].map((element) => {
    let box = element.getBoundingClientRect();
    if (!(element instanceof SVGElement)) {  // the letters themselves, not the room they may take
        const range = document.createRange();
        range.selectNodeContents(element);
        const text = range.getBoundingClientRect();
        if (text.width - 0.5 > box.width) faults.push('cut off: ' + named(element));
        else box = text;
    }
    return {element, left: box.left, right: box.right, top: box.top, bottom: box.bottom};
});
const labels = boxes('.names bdi, .names span, svg text');
for (const one of labels.concat(boxes('h1, h2, p, .legend li, td bdi, td, footer, ul.plain li, .battery-name'))) {
    if (one.left < -0.5 || one.right > wide + 0.5) faults.push('outside the window: ' + named(one.element));
}
const over = (first, second) => Math.min(first.right, second.right) - Math.max(first.left, second.left) > 0.5
    && Math.min(first.bottom, second.bottom) - Math.max(first.top, second.top) > 0.5;
labels.sort((first, second) => first.top - second.top);
labels.forEach((first, place) => {
    for (let next = place + 1; next < labels.length && labels[next].top < first.bottom; next++) {
        if (over(first, labels[next])) faults.push('one over the other: ' + named(first.element) + ', ' + named(labels[next].element));
    }
});
// Each guest's bar and sign stand in its own row, clear of every label.
const rows = [...document.querySelectorAll('.bars > g')], names = [...document.querySelectorAll('.names li')];
if (rows.length != names.length) faults.push(rows.length + ' bars, ' + names.length + ' names');
rows.forEach((row, place) => {
    const room = names[place].getBoundingClientRect();
    for (const mark of row.querySelectorAll('line.asked, line.forced, line.waiting, use')) {
        const at = mark.getBoundingClientRect();
        const box = {left: at.left, right: at.right, top: at.top - 5, bottom: at.bottom + 5};  // a line has no thickness here
        const thick = mark.tagName == 'use' ? at : box;
        if (thick.top < room.top - 1 || thick.bottom > room.bottom + 1) faults.push('not in its row: ' + named(names[place]));
        if (at.left < 0 || at.right > wide) faults.push('sign outside the window: ' + named(names[place]));
        for (const label of names[place].children) {
            if (over(label.getBoundingClientRect(), thick)) faults.push('a bar over its label: ' + named(names[place]));
        }
    }
});
return faults;
'''

# Contrast (WCAG 2) of each kind of text and sign with the page: {selector: ratio}.
CONTRAST = r'''
const channel = (value) => value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
};
const paper = luminance(getComputedStyle(document.body).backgroundColor), found = {};
for (const selector of arguments[0]) {
    const element = document.querySelector(selector);
    if (!element) { found[selector] = null; continue; }
    const style = getComputedStyle(element);
    const ink = luminance(element.tagName == 'line' ? style.stroke : element instanceof SVGElement ? style.fill : style.color);
    found[selector] = (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05);
}
return found;
'''


def opened(browser, path, width, scheme='light'):
    """The page at `path`, in a window of that width (CSS pixels)."""
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride',
                            {'width': width, 'height': 800, 'deviceScaleFactor': 1, 'mobile': width < 700})
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]})
    browser.get('file://%s' % path)
    return browser


def faults(browser, path, width):
    """What is wrong with the page at that width, in words."""
    return opened(browser, path, width).execute_script(MEASURE)
