/** Lets the links to the other languages lead to where the reader is: same tab, same choices in the address. */
export function mountLanguages(nav) {
  nav.addEventListener("click", (event) => {
    const link = event.target.closest("a[hreflang]");
    if (!link) return;
    const address = new URL(location.href);
    address.searchParams.set("lang", link.getAttribute("hreflang"));
    link.href = address.href;
  });
}
